// workload list, get, describe, scale and delete.
#include <algorithm>
#include <ostream>

#include "messages/domain/names.hpp"
#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/views.hpp"
#include "services/cloudlessctl/wait.hpp"

namespace cloudless::cli {
namespace {

constexpr std::uint32_t kPageSize = 500;

struct ListOptions {
  bool all_namespaces = false;
  std::string selector;
};

struct TargetOptions {
  std::vector<std::string> names;
  std::uint32_t replicas = 0;
  WaitOptions wait;
};

ExitCode list(Context& context, const ListOptions& options) {
  api::ListWorkloadsRequest request;
  if (!options.all_namespaces) request.set_namespace_(context.ns);
  request.set_label_selector(options.selector);
  request.set_page_size(kPageSize);
  api::ListWorkloadsReply all;
  do {
    auto page = context.client.call(&Client::Service::Stub::ListWorkloads, request);
    if (!page) return report(context, page.error());
    request.set_page_token(page->next_page_token());
    all.set_store_revision(page->store_revision());
    for (auto& workload : *page->mutable_workloads()) *all.add_workloads() = std::move(workload);
  } while (!request.page_token().empty());
  if (context.output != Output::table) {
    print_object(context, all);
  } else if (all.workloads().empty()) {
    context.terminal.err << "no workloads" << (options.all_namespaces ? "" : " in namespace " + context.ns)
                         << "\n";
  } else {
    context.terminal.out << workload_table({all.workloads().begin(), all.workloads().end()},
                                           options.all_namespaces, context.now_ms);
  }
  return ExitCode::ok;
}

ExitCode get(Context& context, const TargetOptions& options) {
  std::vector<api::Workload> found;
  ExitCode code = ExitCode::ok;
  for (const auto& name : options.names) {
    auto workload = find_workload(context, name);
    if (workload)
      found.push_back(std::move(*workload));
    else if (const auto one = report(context, workload.error()); code == ExitCode::ok)
      code = one;
  }
  if (context.output == Output::table) {
    if (!found.empty()) context.terminal.out << workload_table(found, false, context.now_ms);
    return code;
  }
  for (const auto& workload : found) print_object(context, workload);
  return code;
}

ExitCode describe(Context& context, const TargetOptions& options) {
  constexpr std::uint32_t kEvents = 20;
  const auto workload = find_workload(context, options.names.front());
  if (!workload) return report(context, workload.error());
  if (context.output != Output::table) {
    print_object(context, *workload);
    return ExitCode::ok;
  }
  api::ListEventsRequest request;
  request.set_namespace_(workload->namespace_());
  request.set_workload(workload->name());
  request.set_limit(kEvents);
  std::vector<api::Event> events;
  // Events are an addition: without them the description is still worth reading.
  if (const auto reply = context.client.call(&Client::Service::Stub::ListEvents, request))
    events.assign(reply->events().begin(), reply->events().end());
  context.terminal.out << workload_description(*workload, events, context.now_ms);
  return ExitCode::ok;
}

ExitCode scale(Context& context, const TargetOptions& options) {
  const auto workload = find_workload(context, options.names.front());
  if (!workload) return report(context, workload.error());
  api::ScaleWorkloadRequest request;
  request.set_namespace_(workload->namespace_());
  request.set_name(workload->name());
  request.set_replicas(options.replicas);
  const auto scaled = context.client.call(&Client::Service::Stub::ScaleWorkload, request);
  if (!scaled) return report(context, scaled.error());
  if (context.output == Output::table)
    context.terminal.out << "workload " << scaled->namespace_() << "/" << scaled->name() << " scaled to "
                         << options.replicas << "\n"
                         << std::flush;
  const auto code =
      options.wait.wait ? wait_until_settled(context, *scaled, options.wait.limit()) : ExitCode::ok;
  if (context.output != Output::table) print_object(context, *scaled);
  return code;
}

ExitCode remove_one(Context& context, const std::string& name, const WaitOptions& wait) {
  const auto workload = find_workload(context, name);
  if (!workload) return report(context, workload.error());
  api::DeleteWorkloadRequest request;
  request.set_namespace_(workload->namespace_());
  request.set_name(workload->name());
  const auto deleted = context.client.call(&Client::Service::Stub::DeleteWorkload, request);
  if (!deleted) return report(context, deleted.error());
  if (context.output == Output::table)
    context.terminal.out << "workload " << workload->namespace_() << "/" << workload->name() << " deleted\n"
                         << std::flush;
  else
    print_object(context, *deleted);
  return wait.wait ? wait_until_gone(context, workload->namespace_(), workload->name(), deleted->uid(),
                                     wait.limit())
                   : ExitCode::ok;
}

ExitCode remove(Context& context, const TargetOptions& options) {
  ExitCode code = ExitCode::ok;
  for (const auto& name : options.names) {
    if (const auto one = remove_one(context, name, options.wait); code == ExitCode::ok) code = one;
  }
  return code;
}

using Run = ExitCode (*)(Context&, const TargetOptions&);

/// A verb on one workload, or on several.
CLI::App* add_target_command(CLI::App& workload, Action& action, const char* name, const char* description,
                             bool several, Run run, std::shared_ptr<TargetOptions> options) {
  auto* command = workload.add_subcommand(name, description);
  auto* names =
      command->add_option("name", options->names, several ? "Names or uids" : "Name or uid")->required();
  if (!several) names->expected(1);
  command->callback([&action, options, run] {
    action = [options, run](Context& context) { return run(context, *options); };
  });
  return command;
}

}  // namespace

void add_wait_options(CLI::App& command, WaitOptions& options, const char* what) {
  command.add_flag("--wait", options.wait, what);
  command.add_option("--timeout", options.timeout_seconds, "Seconds to --wait")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
}

Answer<api::Workload> find_workload(Context& context, const std::string& name_or_uid) {
  api::GetWorkloadRequest request;
  request.set_namespace_(context.ns);
  request.set_name(name_or_uid);
  auto by_name = context.client.call(&Client::Service::Stub::GetWorkload, request);
  if (by_name || by_name.error().code != grpc::StatusCode::NOT_FOUND || !is_workload_uid(name_or_uid))
    return by_name;
  request.Clear();
  request.set_uid(name_or_uid);
  auto by_uid = context.client.call(&Client::Service::Stub::GetWorkload, request);
  return by_uid || by_uid.error().code != grpc::StatusCode::NOT_FOUND ? by_uid : by_name;
}

void add_workload_commands(CLI::App& workload, Action& action) {
  auto listing = std::make_shared<ListOptions>();
  auto* list_command = workload.add_subcommand("list", "List workloads");
  list_command->add_flag("-A,--all-namespaces", listing->all_namespaces, "Of every namespace");
  list_command->add_option("-l,--selector", listing->selector,
                           "Only those whose labels match: key=value,key2!=value,key3,!key4");
  list_command->callback(
      [&action, listing] { action = [listing](Context& context) { return list(context, *listing); }; });

  add_target_command(workload, action, "get", "Show workloads; -o yaml or json shows everything", true, get,
                     std::make_shared<TargetOptions>());
  add_target_command(workload, action, "describe", "Show a workload with its replicas and events", false,
                     describe, std::make_shared<TargetOptions>());
  auto scaling = std::make_shared<TargetOptions>();
  auto* scale_command =
      add_target_command(workload, action, "scale", "Change the number of replicas", false, scale, scaling);
  scale_command->add_option("-r,--replicas", scaling->replicas, "How many, 0-10000")->required();
  add_wait_options(*scale_command, scaling->wait, "Wait until that many are ready");
  auto deleting = std::make_shared<TargetOptions>();
  auto* delete_command =
      add_target_command(workload, action, "delete", "Delete workloads", true, remove, deleting);
  add_wait_options(*delete_command, deleting->wait, "Wait until every container is gone");
}

}  // namespace cloudless::cli
