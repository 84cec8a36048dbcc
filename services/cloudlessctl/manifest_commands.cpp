// workload create, apply and update: what manifests say, told to the server.
#include <optional>
#include <ostream>

#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/manifest_files.hpp"
#include "services/cloudlessctl/wait.hpp"

namespace cloudless::cli {
namespace {

enum class Verb { create, update, apply };

struct Options {
  std::vector<std::string> files;
  WaitOptions wait;
};

struct Written {
  api::Workload workload;
  const char* done;  ///< "created"
};

Answer<Written> create(Context& context, const Manifest& manifest) {
  api::CreateWorkloadRequest request;
  request.set_namespace_(manifest.ns);
  request.set_name(manifest.name);
  *request.mutable_spec() = manifest.spec;
  return context.client.call(&Client::Service::Stub::CreateWorkload, request).map([](api::Workload workload) {
    return Written{std::move(workload), "created"};
  });
}

Answer<api::Workload> get(Context& context, const Manifest& manifest) {
  api::GetWorkloadRequest request;
  request.set_namespace_(manifest.ns);
  request.set_name(manifest.name);
  return context.client.call(&Client::Service::Stub::GetWorkload, request);
}

Answer<Written> update(Context& context, const Manifest& manifest) {
  const auto before = get(context, manifest);
  if (!before) return tl::make_unexpected(before.error());
  api::UpdateWorkloadRequest request;
  request.set_namespace_(manifest.ns);
  request.set_name(manifest.name);
  *request.mutable_spec() = manifest.spec;
  return context.client.call(&Client::Service::Stub::UpdateWorkload, request)
      .map([&](api::Workload workload) {
        const bool same = workload.revision() == before->revision();
        return Written{std::move(workload), same ? "unchanged" : "updated"};
      });
}

Answer<Written> apply(Context& context, const Manifest& manifest) {
  auto updated = update(context, manifest);
  if (updated || updated.error().code != grpc::StatusCode::NOT_FOUND) return updated;
  auto created = create(context, manifest);
  // Somebody else made it between the two.
  if (!created && created.error().code == grpc::StatusCode::ALREADY_EXISTS) return update(context, manifest);
  return created;
}

ExitCode carry_out(Context& context, Verb verb, const Manifest& manifest, const WaitOptions& wait) {
  const auto written = verb == Verb::create   ? create(context, manifest)
                       : verb == Verb::update ? update(context, manifest)
                                              : apply(context, manifest);
  if (!written) return report_manifest(context, manifest, written.error());
  if (context.output == Output::table)
    context.terminal.out << "workload " << manifest.ns << "/" << manifest.name << " " << written->done << "\n"
                         << std::flush;
  const auto code = wait.wait ? wait_until_settled(context, written->workload, wait.limit()) : ExitCode::ok;
  if (context.output != Output::table) print_object(context, written->workload);
  return code;
}

/// Every manifest is read before the first is carried out; the first failure decides the exit code, the
/// others are still tried.
ExitCode run(Context& context, Verb verb, const Options& options) {
  const auto all = read_manifests(context, options.files);
  if (!all) return all.error();
  ExitCode code = ExitCode::ok;
  for (const auto& manifest : *all) {
    const auto one = carry_out(context, verb, manifest, options.wait);
    if (code == ExitCode::ok) code = one;
  }
  return code;
}

void add(CLI::App& workload, Action& action, Verb verb, const char* name, const char* description) {
  auto* command = workload.add_subcommand(name, description);
  auto options = std::make_shared<Options>();
  command
      ->add_option("-f,--file", options->files,
                   "Manifest, YAML or JSON; - is standard input; may be repeated")
      ->required()
      ->allow_extra_args(false);
  add_wait_options(*command, options->wait, "Wait until every replica is ready");
  command->callback([&action, options, verb] {
    action = [options, verb](Context& context) { return run(context, verb, *options); };
  });
}

}  // namespace

void add_manifest_commands(CLI::App& workload, Action& action) {
  add(workload, action, Verb::create, "create", "Create workloads from manifests");
  add(workload, action, Verb::apply, "apply", "Create or update workloads to be as in manifests");
  add(workload, action, Verb::update, "update",
      "Give existing workloads the specs of manifests; replicas only if they are given");
}

}  // namespace cloudless::cli
