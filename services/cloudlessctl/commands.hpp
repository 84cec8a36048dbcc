// The verbs of cloudlessctl, by noun: each function adds its subcommands to the command line; a parsed one
// becomes the action.
#pragma once

#include <CLI/CLI.hpp>

#include "services/cloudlessctl/context.hpp"

namespace cloudless::cli {

/// create, apply, update: from manifests.
void add_manifest_commands(CLI::App& workload, Action& action);
/// list, get, describe, scale, delete.
void add_workload_commands(CLI::App& workload, Action& action);
/// logs.
void add_stream_commands(CLI::App& workload, Action& action);
/// exec, below cloudlessctl itself and, as it was once, below workload.
void add_exec_command(CLI::App& parent, Action& action);
/// port-forward.
void add_forward_command(CLI::App& app, Action& action);
/// cp.
void add_copy_command(CLI::App& app, Action& action);
/// rollout status, history, diff, undo, restart, pause, resume, promote, abort.
void add_rollout_commands(CLI::App& rollout, Action& action);
/// workload explain.
void add_explain_command(CLI::App& workload, Action& action);
/// node fragments.
void add_fragments_command(CLI::App& node, Action& action);
/// plan, plan drain, plan lose.
void add_plan_command(CLI::App& app, Action& action);
/// rebalance.
void add_rebalance_command(CLI::App& app, Action& action);
/// node list, get, cordon, uncordon.
void add_node_commands(CLI::App& node, Action& action);
/// node taint.
void add_taint_command(CLI::App& node, Action& action);
/// node drain.
void add_drain_command(CLI::App& node, Action& action);
/// top.
void add_top_command(CLI::App& app, Action& action);
/// secret create-registry, list, delete.
void add_secret_commands(CLI::App& secret, Action& action);
/// events.
void add_event_command(CLI::App& app, Action& action);

/// --wait and --timeout, shared by the verbs that change a workload.
struct WaitOptions {
  bool wait = false;
  double timeout_seconds = 300;
  std::chrono::milliseconds limit() const {
    return std::chrono::milliseconds{static_cast<std::int64_t>(timeout_seconds * 1000)};
  }
};
void add_wait_options(CLI::App& command, WaitOptions& options, const char* what);

/// By name in the context's namespace; a word that looks like a uid and is no name is looked up as one.
Answer<api::Workload> find_workload(Context& context, const std::string& name_or_uid);

}  // namespace cloudless::cli
