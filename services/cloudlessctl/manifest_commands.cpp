// workload create, apply and update: what manifests say, told to the server.
#include <fstream>
#include <optional>
#include <ostream>
#include <sstream>

#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/manifest.hpp"
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

/// The text of a file, or of standard input for "-"; one byte more than a manifest may have is enough to
/// refuse it.
std::optional<std::string> read_file(Context& context, const std::string& file) {
  constexpr std::size_t kMost = (1 << 20) + 1;
  std::ifstream opened;
  if (file != "-") opened.open(file, std::ios::binary);
  std::istream& in = file == "-" ? context.terminal.in : opened;
  std::string text(kMost, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (file != "-" && !opened.is_open())) {
    context.terminal.err << "error: " << file << ": cannot be read\n";
    return std::nullopt;
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

/// The manifest's own namespace, else the command line's. False if they contradict each other.
bool choose_namespace(Context& context, Manifest& manifest) {
  if (manifest.ns.empty()) {
    manifest.ns = context.ns;
  } else if (context.ns_given && context.ns != manifest.ns) {
    const auto problem =
        locate(manifest, {"namespace", "is '" + manifest.ns + "', but -n says '" + context.ns + "'"});
    context.terminal.err << to_text(manifest.file, problem) << "\n";
    return false;
  }
  return true;
}

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

ExitCode report_manifest(Context& context, const Manifest& manifest, const Failure& failure) {
  for (const auto& violation : failure.violations)
    context.terminal.err << to_text(manifest.file, locate(manifest, violation)) << "\n";
  auto rest = failure;
  rest.violations.clear();
  return report(context, rest);
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
  std::vector<Manifest> all;
  ExitCode code = ExitCode::ok;
  for (const auto& file : options.files) {
    const auto text = read_file(context, file);
    if (!text) return ExitCode::failed;
    const auto name = file == "-" ? std::string("<stdin>") : file;
    auto manifests = parse_manifests(*text, name);
    if (!manifests) {
      for (const auto& problem : manifests.error()) context.terminal.err << to_text(name, problem) << "\n";
      code = ExitCode::invalid;
      continue;
    }
    for (auto& manifest : *manifests) {
      if (!choose_namespace(context, manifest)) code = ExitCode::invalid;
      all.push_back(std::move(manifest));
    }
  }
  if (code != ExitCode::ok) return code;
  for (const auto& manifest : all) {
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
