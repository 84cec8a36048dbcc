// workload logs.
#include <google/protobuf/util/time_util.h>

#include <map>
#include <optional>
#include <ostream>

#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/line_printer.hpp"
#include "services/cloudlessctl/message_json.hpp"
#include "services/cloudlessctl/quantity.hpp"
#include "services/cloudlessctl/target.hpp"

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
}

}  // namespace cloudless::cli
