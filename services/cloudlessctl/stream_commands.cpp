// workload logs and exec.
#include <google/protobuf/util/time_util.h>

#include <map>
#include <optional>
#include <ostream>

#include "messages/domain/names.hpp"
#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/line_printer.hpp"
#include "services/cloudlessctl/message_json.hpp"
#include "services/cloudlessctl/quantity.hpp"

namespace cloudless::cli {
namespace {

using google::protobuf::util::TimeUtil;

struct LogOptions {
  std::string target;
  bool follow = false;
  std::optional<std::uint32_t> tail;
  std::string since;
  bool timestamps = false;
  std::string stream;
  bool previous = false;
};

struct ExecOptions {
  std::string target;
  std::vector<std::string> command;
  bool send_stdin = false;
  bool terminal = false;
  double timeout_seconds = 30;
};

/// "<replica id>-<attempt>".
bool looks_like_container(const std::string& word) {
  const auto dash = word.rfind('-');
  return dash != std::string::npos && parse_whole_number(std::string_view(word).substr(dash + 1)) &&
         is_replica_id(word.substr(0, dash));
}

/// Fills in whichever of workload, replica_id and container_id the word is. A workload's name may look like a
/// replica's id, so that is asked first.
template <class Request>
std::optional<Failure> set_target(Context& context, const std::string& word, Request& request) {
  const bool replica = is_replica_id(word);
  if (replica || looks_like_container(word)) {
    const auto workload = find_workload(context, word);
    if (!workload && workload.error().code == grpc::StatusCode::NOT_FOUND) {
      replica ? request.set_replica_id(word) : request.set_container_id(word);
      return std::nullopt;
    }
    if (!workload) return workload.error();
  } else if (is_workload_uid(word)) {
    const auto workload = find_workload(context, word);
    if (!workload) return workload.error();
    request.set_namespace_(workload->namespace_());
    request.set_workload(workload->name());
    return std::nullopt;
  }
  request.set_namespace_(context.ns);
  request.set_workload(word);
  return std::nullopt;
}

/// A time ("2026-11-20T09:30:00Z"), or how long ago ("10m"). False if it is neither.
bool parse_since(const std::string& text, std::int64_t now_ms, google::protobuf::Timestamp& out) {
  if (const auto duration = parse_duration(text)) {
    const auto ago =
        static_cast<std::int64_t>(std::min<std::uint64_t>(*duration, static_cast<std::uint64_t>(now_ms)));
    out = TimeUtil::MillisecondsToTimestamp(now_ms - ago);
    return true;
  }
  return TimeUtil::FromString(text, &out);
}

ExitCode logs(Context& context, const LogOptions& options) {
  api::StreamLogsRequest request;
  if (!options.since.empty() && !parse_since(options.since, context.now_ms, *request.mutable_since())) {
    context.terminal.err << "error: --since is '" << options.since
                         << "', expected e.g. 10m or 2026-11-20T09:30:00Z\n";
    return ExitCode::usage;
  }
  if (const auto failure = set_target(context, options.target, request)) return report(context, *failure);
  request.set_follow(options.follow);
  if (options.tail) request.set_tail_lines(*options.tail);
  request.set_stream(options.stream);
  request.set_previous(options.previous);

  grpc::ClientContext call;
  const auto reader = context.client.stub().StreamLogs(&call, request);
  LinePrinter printer(context.terminal.out,
                      {!request.workload().empty(), options.timestamps, context.terminal.out_has_colours});
  for (api::StreamLogsReply reply; reader->Read(&reply);) {
    for (const auto& line : reply.lines()) {
      if (context.output == Output::json)
        context.terminal.out << to_json(line).dump(-1, ' ', false,
                                                   nlohmann::ordered_json::error_handler_t::replace)
                             << "\n";
      else
        printer.print(line);
    }
    context.terminal.out << std::flush;
    if (!context.terminal.out) {
      // Nobody reads any more (a closed pipe).
      call.TryCancel();
      break;
    }
  }
  printer.finish();
  const auto status = reader->Finish();
  return status.ok() || !context.terminal.out ? ExitCode::ok : report(context, failure_of(status));
}

/// Standard input up to its end; absent if it is more than the API takes.
std::optional<std::string> read_stdin(Context& context) {
  constexpr std::size_t kMost = 1 << 20;
  std::string text(kMost + 1, '\0');
  context.terminal.in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(context.terminal.in.gcount()));
  if (text.size() > kMost) return std::nullopt;
  return text;
}

ExitCode exec(Context& context, const ExecOptions& options) {
  constexpr std::chrono::milliseconds kRoundTrip{10'000};
  if (options.terminal) {
    context.terminal.err
        << "error: -t needs an interactive stream, which this version of the API does not have; "
           "-i sends standard input up to its end\n";
    return ExitCode::usage;
  }
  api::ExecCommandRequest request;
  if (const auto failure = set_target(context, options.target, request)) {
    report(context, *failure);
    return ExitCode::exec_failed;
  }
  for (const auto& word : options.command) request.add_command(word);
  if (options.send_stdin) {
    auto text = read_stdin(context);
    if (!text) {
      context.terminal.err << "error: standard input is more than 1 MiB\n";
      return ExitCode::exec_failed;
    }
    request.set_stdin(std::move(*text));
  }
  const std::chrono::milliseconds limit{static_cast<std::int64_t>(options.timeout_seconds * 1000)};
  request.set_timeout_ms(static_cast<std::uint64_t>(limit.count()));
  const auto reply = context.client.call(&Client::Service::Stub::ExecCommand, request, limit + kRoundTrip);
  if (!reply) {
    report(context, reply.error());
    return ExitCode::exec_failed;
  }
  context.terminal.out << reply->stdout() << std::flush;
  context.terminal.err << reply->stderr() << std::flush;
  if (reply->truncated())
    context.terminal.err << "warning: the output was longer than 1 MiB and is cut off\n";
  if (!reply->timed_out()) return static_cast<ExitCode>(reply->exit_code());
  context.terminal.err << "error: not finished within " << options.timeout_seconds
                       << " s (--timeout); it was killed\n";
  return ExitCode::exec_timeout;
}

}  // namespace

void add_stream_commands(CLI::App& workload, Action& action) {
  auto log = std::make_shared<LogOptions>();
  auto* logs_command =
      workload.add_subcommand("logs", "Print log lines of a workload, a replica or a container");
  logs_command->add_option("target", log->target, "Name of a workload, or id of a replica or container")
      ->required();
  logs_command->add_flag("-f,--follow", log->follow, "Go on with new lines");
  logs_command->add_option("--tail", log->tail, "Begin with the last this many lines");
  logs_command->add_option("--since", log->since, "Only lines after a time, or not older than e.g. 10m");
  logs_command->add_flag("--timestamps", log->timestamps, "Begin each line with its time");
  logs_command->add_option("--stream", log->stream, "Only stdout or only stderr")
      ->check(CLI::IsMember({"stdout", "stderr"}));
  logs_command->add_flag("-p,--previous", log->previous,
                         "Of the attempt before the newest one, up to its end");
  logs_command->callback(
      [&action, log] { action = [log](Context& context) { return logs(context, *log); }; });

  auto run = std::make_shared<ExecOptions>();
  auto* exec_command =
      workload.add_subcommand("exec", "Run a command in a container: exec TARGET -- COMMAND...");
  exec_command
      ->add_option("target", run->target,
                   "Name of a workload (its first ready replica), or id of a replica or container")
      ->required();
  exec_command->add_option("command", run->command, "The command, after --")->required();
  exec_command->add_flag("-i,--stdin", run->send_stdin, "Send standard input, up to its end");
  exec_command->add_flag("-t,--tty", run->terminal, "Refused: there is no interactive stream yet");
  exec_command->add_option("--timeout", run->timeout_seconds, "Seconds, then the command is killed")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();
  exec_command->callback(
      [&action, run] { action = [run](Context& context) { return exec(context, *run); }; });
}

}  // namespace cloudless::cli
