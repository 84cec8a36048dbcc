// top: what workloads, replicas and nodes use now.
#include <ostream>

#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/top_view.hpp"

namespace cloudless::cli {
namespace {

struct TopOptions {
  std::string what = "workloads";
  bool all_namespaces = false;
  std::string workload;
  std::string node;
  std::string sort = "name";
};

enum class TopKind { workloads, replicas, nodes };

TopKind kind_of(const std::string& word) {
  return word == "nodes" ? TopKind::nodes : word == "replicas" ? TopKind::replicas : TopKind::workloads;
}

TopOrder order_of(const std::string& word) {
  return word == "cpu" ? TopOrder::cpu : word == "memory" ? TopOrder::memory : TopOrder::name;
}

/// JSON and YAML say what the table says.
void keep_only(TopKind kind, api::ListUsageReply& usage) {
  if (kind != TopKind::workloads) usage.clear_workloads();
  if (kind != TopKind::replicas) usage.clear_replicas();
  if (kind != TopKind::nodes) usage.clear_nodes();
}

/// Whose figures are missing in what is printed.
void name_silent_nodes(Context& context, const api::ListUsageReply& usage) {
  for (const auto& node : usage.nodes())
    if (!node.error().empty())
      context.terminal.err << "not in it: node " << node.node_id() << ": " << node.error() << "\n";
}

std::string text_of(TopKind kind, const api::ListUsageReply& usage, const TopOptions& options) {
  const auto order = order_of(options.sort);
  switch (kind) {
    case TopKind::workloads:
      return top_workloads(usage, options.all_namespaces, order);
    case TopKind::replicas:
      return top_replicas(usage, options.all_namespaces, order);
    case TopKind::nodes:
      return top_nodes(usage, order);
  }
  return {};
}

ExitCode top(Context& context, TopKind kind, const TopOptions& options) {
  api::ListUsageRequest request;
  if ((kind != TopKind::nodes || !options.workload.empty()) && !options.all_namespaces)
    request.set_namespace_(context.ns);
  request.set_workload(options.workload);
  request.set_node_id(options.node);
  auto usage = context.client.call(&Client::Service::Stub::ListUsage, request);
  if (!usage) return report(context, usage.error());
  if (kind != TopKind::nodes) name_silent_nodes(context, *usage);
  if (context.output != Output::table) {
    keep_only(kind, *usage);
    print_object(context, *usage);
    return ExitCode::ok;
  }
  const bool empty = kind == TopKind::nodes ? usage->nodes().empty() : usage->replicas().empty();
  if (empty)
    context.terminal.err << (kind == TopKind::nodes ? "no nodes\n" : "nothing runs\n");
  else
    context.terminal.out << text_of(kind, *usage, options);
  return ExitCode::ok;
}

}  // namespace

void add_top_command(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand("top", "Show what workloads, replicas or nodes use now");
  auto options = std::make_shared<TopOptions>();
  command->add_option("what", options->what, "workloads, replicas or nodes")
      ->check(CLI::IsMember({"workloads", "replicas", "nodes"}))
      ->capture_default_str();
  command->add_option("workload", options->workload, "Only of this workload");
  command->add_flag("-A,--all-namespaces", options->all_namespaces, "Of every namespace");
  command->add_option("--node", options->node, "Only of this node");
  command->add_option("--sort", options->sort, "name, or the most cpu or memory first")
      ->check(CLI::IsMember({"name", "cpu", "memory"}))
      ->capture_default_str();
  command->callback([&action, options] {
    action = [options](Context& context) { return top(context, kind_of(options->what), *options); };
  });
}

}  // namespace cloudless::cli
