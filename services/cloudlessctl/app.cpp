#include "services/cloudlessctl/app.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string_view>

#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/completion.hpp"
#include "services/cloudlessctl/message_json.hpp"
#include "services/cloudlessctl/yaml_message.hpp"

namespace cloudless::cli {
namespace {

struct Globals {
  EndpointOptions endpoint;
  std::string ns;
  std::string output;
  double request_timeout_seconds = 30;
};

void add_globals(CLI::App& app, Globals& globals) {
  auto& endpoint = globals.endpoint;
  app.add_option("-s,--server", endpoint.server,
                 "host:port of a coordinator or gateway [CLOUDLESS_SERVER, config file, localhost:8080]");
  app.add_option(
      "--ca", endpoint.ca,
      "TLS: PEM file of the authority that the server's certificate is of [CLOUDLESS_CA, config file]");
  app.add_option("--cert", endpoint.cert, "PEM file of your own certificate [CLOUDLESS_CERT, config file]");
  app.add_option("--key", endpoint.key, "PEM file of its key [CLOUDLESS_KEY, config file]");
  app.add_option(
      "--server-name", endpoint.server_name,
      "Name that the server's certificate is for, if not --server's host [CLOUDLESS_SERVER_NAME, config "
      "file]");
  app.add_option("-n,--namespace", globals.ns, "Namespace [CLOUDLESS_NAMESPACE, config file, default]");
  app.add_option("-o,--output", globals.output, "table, json or yaml [CLOUDLESS_OUTPUT, config file, table]")
      ->check(CLI::IsMember({"table", "json", "yaml"}));
  app.add_option("--request-timeout", globals.request_timeout_seconds, "Seconds that one call may take")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();
}

using LocalAction = std::function<void(std::ostream&, Output)>;

void print_version(std::ostream& out, Output output) {
  const nlohmann::ordered_json version{{"version", CLOUDLESS_VERSION}};
  switch (output) {
    case Output::table:
      out << "cloudlessctl " CLOUDLESS_VERSION "\n";
      return;
    case Output::json:
      out << version.dump(2) << "\n";
      return;
    case Output::yaml:
      out << to_yaml(version);
      return;
  }
}

/// Commands that need no server.
void add_local_commands(CLI::App& app, LocalAction& local) {
  auto* version = app.add_subcommand("version", "Print the version");
  version->callback([&local] { local = print_version; });
  auto* completion = app.add_subcommand("completion", "Print a completion script: bash, zsh or fish");
  auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->footer(
      "bash: source <(cloudlessctl completion bash)\n"
      "zsh:  source <(cloudlessctl completion zsh)\n"
      "fish: cloudlessctl completion fish | source");
  completion->callback([&app, &local, shell] {
    local = [&app, shell](std::ostream& out, Output) { out << completion_script(app, *shell); };
  });
}

void let_options_follow_commands(CLI::App& app) {
  for (auto* command : app.get_subcommands([](CLI::App*) { return true; })) {
    command->fallthrough();
    let_options_follow_commands(*command);
  }
}

Output output_of(const std::string& word) {
  return word == "json" ? Output::json : word == "yaml" ? Output::yaml : Output::table;
}

/// A command line without a command, or with one that is not there.
void explain_missing_command(const CLI::App& app, std::ostream& err) {
  const CLI::App* deepest = &app;
  std::string path = app.get_name();
  while (!deepest->get_subcommands().empty()) {
    deepest = deepest->get_subcommands().front();
    path += " " + deepest->get_name();
  }
  std::vector<std::string> commands;
  for (const auto* command : deepest->get_subcommands([](const CLI::App*) { return true; }))
    commands.push_back(command->get_name());
  const auto rest = app.remaining(true);
  if (rest.empty()) {
    err << app.help();
  } else {
    err << "error: " << path << " has no command '" << rest.front() << "'"
        << did_you_mean(rest.front(), commands) << "; " << path << " --help lists them\n";
  }
}

/// Of a command line that is wrong, or asked for help.
int exit_code_after(const CLI::ParseError& e, const CLI::App& app, Terminal& terminal) {
  const auto wrong = static_cast<int>(app.got_subcommand("plan") ? ExitCode::plan_failed : ExitCode::usage);
  const auto* missing = dynamic_cast<const CLI::RequiredError*>(&e);
  if (missing != nullptr && std::string_view(e.what()) == CLI::RequiredError::Subcommand(1).what()) {
    explain_missing_command(app, terminal.err);
    return wrong;
  }
  return app.exit(e, terminal.out, terminal.err) == 0 ? 0 : wrong;
}

/// What the command line says, and else the environment or the file.
EndpointOptions filled_in(const EndpointOptions& line, EndpointOptions defaults) {
  const auto take = [](const std::string& from, std::string& to) {
    if (!from.empty()) to = from;
  };
  take(line.server, defaults.server);
  take(line.ca, defaults.ca);
  take(line.cert, defaults.cert);
  take(line.key, defaults.key);
  take(line.server_name, defaults.server_name);
  return defaults;
}

ExitCode run_action(const Action& action, const Globals& globals, Terminal& terminal,
                    const Environment& environment) {
  const auto defaults = load_defaults(environment);
  if (!defaults) {
    terminal.err << "error: " << defaults.error().message << "\n";
    return ExitCode::usage;
  }
  auto endpoint = endpoint_of(filled_in(globals.endpoint, defaults->endpoint));
  if (!endpoint) {
    terminal.err << "error: " << endpoint.error().message << "\n";
    return ExitCode::usage;
  }
  Client client(std::move(*endpoint),
                std::chrono::milliseconds{static_cast<std::int64_t>(globals.request_timeout_seconds * 1000)});
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  Context context{terminal,
                  client,
                  globals.ns.empty() ? defaults->ns : globals.ns,
                  !globals.ns.empty(),
                  output_of(globals.output.empty() ? defaults->output : globals.output),
                  std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
  return action(context);
}

}  // namespace

int run(std::vector<std::string> arguments, Terminal& terminal, const Environment& environment) {
  CLI::App app("Talks to a Cloudless coordinator or gateway.", "cloudlessctl");
  app.require_subcommand(1);
  app.footer(kExitCodeHelp);
  app.set_version_flag("--version", "cloudlessctl " CLOUDLESS_VERSION, "Print the version and exit");
  Globals globals;
  Action action;
  LocalAction local;
  add_globals(app, globals);
  auto* workload = app.add_subcommand("workload", "Workloads: the same container, a number of times")
                       ->require_subcommand(1);
  add_manifest_commands(*workload, action);
  add_workload_commands(*workload, action);
  add_explain_command(*workload, action);
  add_stream_commands(*workload, action);
  add_exec_command(*workload, action);
  add_exec_command(app, action);
  add_forward_command(app, action);
  add_copy_command(app, action);
  add_rollout_commands(
      *app.add_subcommand("rollout", "How a change of a workload reaches its replicas, and back")
           ->require_subcommand(1),
      action);
  auto* node = app.add_subcommand("node", "Machines that run replicas")->require_subcommand(1);
  add_node_commands(*node, action);
  add_taint_command(*node, action);
  add_drain_command(*node, action);
  add_fragments_command(*node, action);
  add_plan_command(app, action);
  add_rebalance_command(app, action);
  add_top_command(app, action);
  add_secret_commands(*app.add_subcommand("secret", "Credentials that workloads need and nobody reads back")
                           ->require_subcommand(1),
                      action);
  add_event_command(app, action);
  add_local_commands(app, local);
  let_options_follow_commands(app);
  try {
    std::reverse(arguments.begin(), arguments.end());
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& e) {
    return exit_code_after(e, app, terminal);
  }
  if (local) {
    local(terminal.out, output_of(globals.output));
    return 0;
  }
  return static_cast<int>(run_action(action, globals, terminal, environment));
}

}  // namespace cloudless::cli
