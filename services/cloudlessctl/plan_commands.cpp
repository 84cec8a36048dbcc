// plan and rebalance: what would happen, and moving replicas to better places.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <ostream>

#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/manifest_files.hpp"
#include "services/cloudlessctl/plan_view.hpp"

namespace cloudless::cli {
namespace {

using PlanStub = Client::Service::Stub;

struct LossOptions {
  std::vector<std::string> nodes;
  std::string zone, region;
};

ExitCode show(Context& context, const api::PlanReply& plan, const std::string& text) {
  if (context.output == Output::table)
    context.terminal.out << text;
  else
    print_object(context, plan);
  return changes_anything(plan) ? ExitCode::plan_changes : ExitCode::ok;
}

/// "apply.workloads[2].spec.image" is spec.image of the third manifest.
void report_plan(Context& context, const std::vector<Manifest>& manifests, Failure failure) {
  constexpr std::string_view kBefore = "apply.workloads[";
  std::vector<Violation> others;
  for (auto& violation : failure.violations) {
    const auto& path = violation.path;
    const auto index = path.rfind(kBefore, 0) == 0 ? std::strtoul(path.c_str() + kBefore.size(), nullptr, 10)
                                                   : manifests.size();
    const auto rest = path.find("].");
    if (index >= manifests.size() || rest == std::string::npos) {
      others.push_back(std::move(violation));
      continue;
    }
    auto field = path.substr(rest + 2);
    if (field == "name" || field == "namespace") field = "metadata." + field;
    const auto& manifest = manifests[index];
    context.terminal.err << to_text(manifest.file, locate(manifest, {std::move(field), violation.reason}))
                         << "\n";
  }
  failure.violations = std::move(others);
  report(context, failure);
}

ExitCode plan_files(Context& context, const std::vector<std::string>& files) {
  const auto manifests = read_manifests(context, files);
  if (!manifests) return ExitCode::plan_failed;
  api::PlanRequest request;
  for (const auto& manifest : *manifests) {
    auto& target = *request.mutable_apply()->add_workloads();
    target.set_namespace_(manifest.ns);
    target.set_name(manifest.name);
    *target.mutable_spec() = manifest.spec;
  }
  const auto plan = context.client.call(&PlanStub::Plan, request);
  if (plan) return show(context, *plan, applied_text(*plan));
  report_plan(context, *manifests, plan.error());
  return ExitCode::plan_failed;
}

ExitCode plan_moves(Context& context, const api::PlanRequest& request, const std::string& what) {
  const auto plan = context.client.call(&PlanStub::Plan, request);
  if (plan) return show(context, *plan, moved_text(*plan, what));
  report(context, plan.error());
  return ExitCode::plan_failed;
}

ExitCode plan_drain(Context& context, const std::string& node) {
  api::PlanRequest request;
  request.mutable_drain()->set_node_id(node);
  return plan_moves(context, request, "draining " + node);
}

ExitCode plan_loss(Context& context, const LossOptions& options) {
  api::PlanRequest request;
  auto& loss = *request.mutable_lose();
  std::string what = "losing";
  for (const auto& node : options.nodes) {
    loss.add_node_ids(node);
    what += " " + node;
  }
  if (!options.zone.empty()) what += " zone " + options.zone;
  if (!options.region.empty()) what += " region " + options.region;
  loss.set_zone(options.zone);
  loss.set_region(options.region);
  return plan_moves(context, request, what);
}

void add_drain(CLI::App& plan, Action& action) {
  auto node = std::make_shared<std::string>();
  auto* command = plan.add_subcommand("drain", "What draining a node would move, and where to");
  command->add_option("node", *node, "The node's id")->required();
  command->callback(
      [&action, node] { action = [node](Context& context) { return plan_drain(context, *node); }; });
}

void add_lose(CLI::App& plan, Action& action) {
  auto options = std::make_shared<LossOptions>();
  auto* command = plan.add_subcommand(
      "lose", "What would happen if nodes were lost at once: what serves on, what starts where, what waits");
  command->add_option("--node", options->nodes, "A node's id; may be repeated")->allow_extra_args(false);
  command->add_option("--zone", options->zone, "All nodes of this zone");
  command->add_option("--region", options->region, "All nodes of this region, or of the zone in it");
  command->callback(
      [&action, options] { action = [options](Context& context) { return plan_loss(context, *options); }; });
}

ExitCode rebalance(Context& context, api::RebalanceRequest request) {
  if (context.ns_given) request.set_namespace_(context.ns);
  const auto reply = context.client.call(&PlanStub::Rebalance, request);
  if (!reply) return report(context, reply.error());
  if (context.output == Output::table)
    context.terminal.out << moves_text(*reply, request.dry_run());
  else
    print_object(context, *reply);
  return ExitCode::ok;
}

}  // namespace

void add_plan_command(CLI::App& app, Action& action) {
  auto files = std::make_shared<std::vector<std::string>>();
  auto* plan = app.add_subcommand("plan", "Say what would happen, and change nothing");
  plan->footer("Exit codes: 0 nothing would change; 1 something would; 255 it could not be worked out.");
  plan->require_subcommand(0, 1);
  auto* file = plan->add_option("-f,--file", *files,
                                "Manifest to be applied, YAML or JSON; - is standard input; may be repeated")
                   ->allow_extra_args(false);
  add_drain(*plan, action);
  add_lose(*plan, action);
  plan->callback([plan, file, &action, files] {
    if (!plan->get_subcommands().empty()) {
      if (!files->empty())
        throw CLI::ExcludesError(file->get_name(), plan->get_subcommands().front()->get_name());
      return;
    }
    if (files->empty()) throw CLI::RequiredError("-f FILE, drain NODE or lose");
    action = [files](Context& context) { return plan_files(context, *files); };
  });
}

void add_rebalance_command(CLI::App& app, Action& action) {
  struct Options {
    bool dry_run = false;
    std::uint32_t budget = 10;
    std::uint32_t min_gain = 20'000;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "rebalance", "Move running replicas to nodes that are much better for them, within a budget");
  command->add_flag("--dry-run", options->dry_run, "Only say what would be moved");
  command->add_option("--budget", options->budget, "Replicas that are moved at most")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command
      ->add_option("--min-gain", options->min_gain,
                   "How much a move must better the score (docs/SCHEDULING.md)")
      ->check(CLI::Range(0, 10'000'000))
      ->capture_default_str();
  command->callback([&action, options] {
    action = [options](Context& context) {
      api::RebalanceRequest request;
      request.set_dry_run(options->dry_run);
      request.set_budget(options->budget);
      request.set_min_gain(options->min_gain);
      return rebalance(context, std::move(request));
    };
  });
}

}  // namespace cloudless::cli
