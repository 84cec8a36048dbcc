// node list, get, describe, cordon and uncordon; events.
#include <ostream>

#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/node_view.hpp"
#include "services/cloudlessctl/views.hpp"

namespace cloudless::cli {
namespace {

constexpr std::uint32_t kPageSize = 500;

struct NodeOptions {
  std::string selector;
  std::string id;
};

struct EventOptions {
  bool all_namespaces = false;
  std::string workload;
  std::string node;
  std::uint32_t limit = 100;
};

ExitCode list(Context& context, const NodeOptions& options) {
  api::ListNodesRequest request;
  request.set_label_selector(options.selector);
  request.set_page_size(kPageSize);
  api::ListNodesReply all;
  do {
    auto page = context.client.call(&Client::Service::Stub::ListNodes, request);
    if (!page) return report(context, page.error());
    request.set_page_token(page->next_page_token());
    all.set_store_revision(page->store_revision());
    for (auto& node : *page->mutable_nodes()) *all.add_nodes() = std::move(node);
  } while (!request.page_token().empty());
  if (context.output != Output::table)
    print_object(context, all);
  else if (all.nodes().empty())
    context.terminal.err << "no nodes\n";
  else
    context.terminal.out << node_table({all.nodes().begin(), all.nodes().end()}, context.now_ms);
  return ExitCode::ok;
}

ExitCode get(Context& context, const NodeOptions& options) {
  api::GetNodeRequest request;
  request.set_node_id(options.id);
  const auto node = context.client.call(&Client::Service::Stub::GetNode, request);
  if (!node) return report(context, node.error());
  if (context.output == Output::table)
    context.terminal.out << node_table({*node}, context.now_ms);
  else
    print_object(context, *node);
  return ExitCode::ok;
}

ExitCode describe(Context& context, const NodeOptions& options) {
  api::GetNodeRequest request;
  request.set_node_id(options.id);
  const auto node = context.client.call(&Client::Service::Stub::GetNode, request);
  if (!node) return report(context, node.error());
  if (context.output == Output::table)
    context.terminal.out << node_description(*node, context.now_ms);
  else
    print_object(context, *node);
  return ExitCode::ok;
}

ExitCode say_cordon(Context& context, const Answer<api::Node>& node, const char* done) {
  if (!node) return report(context, node.error());
  if (context.output == Output::table)
    context.terminal.out << "node " << node->id() << " " << done << "\n";
  else
    print_object(context, *node);
  return ExitCode::ok;
}

ExitCode cordon(Context& context, const NodeOptions& options) {
  api::CordonNodeRequest request;
  request.set_node_id(options.id);
  return say_cordon(context, context.client.call(&Client::Service::Stub::CordonNode, request), "cordoned");
}

ExitCode uncordon(Context& context, const NodeOptions& options) {
  api::UncordonNodeRequest request;
  request.set_node_id(options.id);
  return say_cordon(context, context.client.call(&Client::Service::Stub::UncordonNode, request),
                    "uncordoned");
}

ExitCode events(Context& context, const EventOptions& options) {
  api::ListEventsRequest request;
  // Events of nodes have no namespace: only -n, or a workload, restricts.
  if (!options.all_namespaces && (context.ns_given || !options.workload.empty()))
    request.set_namespace_(context.ns);
  request.set_workload(options.workload);
  request.set_node_id(options.node);
  request.set_limit(options.limit);
  const auto reply = context.client.call(&Client::Service::Stub::ListEvents, request);
  if (!reply) return report(context, reply.error());
  if (context.output != Output::table)
    print_object(context, *reply);
  else if (reply->events().empty())
    context.terminal.err << "no events\n";
  else
    context.terminal.out << event_table({reply->events().begin(), reply->events().end()}, context.now_ms);
  return ExitCode::ok;
}

using Run = ExitCode (*)(Context&, const NodeOptions&);

void add(CLI::App& node, Action& action, const char* name, const char* description, Run run) {
  auto* command = node.add_subcommand(name, description);
  auto options = std::make_shared<NodeOptions>();
  if (run == list)
    command->add_option("-l,--selector", options->selector,
                        "Only those whose labels match: key=value,key2!=value,key3,!key4");
  else
    command->add_option("node", options->id, "The node's id")->required();
  command->callback([&action, options, run] {
    action = [options, run](Context& context) { return run(context, *options); };
  });
}

}  // namespace

void add_node_commands(CLI::App& node, Action& action) {
  add(node, action, "list", "List nodes", list);
  add(node, action, "get", "Show a node; -o yaml or json shows everything", get);
  add(node, action, "describe", "Show all that is known of a node", describe);
  add(node, action, "cordon", "Keep new replicas away from a node", cordon);
  add(node, action, "uncordon", "Let new replicas come to a node again", uncordon);
}

void add_event_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<EventOptions>();
  auto* command = app.add_subcommand("events", "Show what happened, newest last");
  command->add_flag("-A,--all-namespaces", options->all_namespaces,
                    "Of every namespace, also when -n is given");
  command->add_option("--workload", options->workload, "Only of this workload");
  command->add_option("--node", options->node, "Only of this node");
  command->add_option("--limit", options->limit, "The newest this many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->callback(
      [&action, options] { action = [options](Context& context) { return events(context, *options); }; });
}

}  // namespace cloudless::cli
