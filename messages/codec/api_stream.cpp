#include "messages/codec/api_stream.hpp"

#include "messages/codec/api_target.hpp"
#include "messages/codec/bounds.hpp"
#include "messages/codec/violations.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxCommand = 256;
constexpr std::size_t kMaxCommandBytes = 128 << 10;
constexpr std::size_t kMaxStdin = 1 << 20;
/// The year 9999, the end of protobuf's time stamps.
constexpr std::int64_t kMaxSeconds = 253'402'300'799;

}  // namespace

std::vector<std::string> command_of(const google::protobuf::RepeatedPtrField<std::string>& words,
                                    const std::string& path, Violations& v) {
  if (words.empty() || words.Get(0).empty()) v.add(path, "is required");
  v.check_count(path, static_cast<std::size_t>(words.size()), kMaxCommand);
  std::vector<std::string> out(words.begin(), words.end());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    bytes += out[i].size();
    if (out[i].find('\0') != std::string::npos) v.add(item(path, i), "contains a NUL character");
  }
  if (bytes > kMaxCommandBytes) v.add(path, "is longer than 128 KiB");
  return out;
}

Result<LogRequest> parse_logs(const api::StreamLogsRequest& request) {
  Violations v;
  LogRequest out{target_of(request, v), {}};
  auto& query = out.query;
  query.replica = out.target.replica;
  query.container = out.target.container;
  query.follow = request.follow();
  if (request.has_tail_lines()) query.tail_lines = request.tail_lines();
  if (request.has_since()) {
    const auto& since = request.since();
    if (since.seconds() < 0 || since.seconds() > kMaxSeconds || since.nanos() < 0 ||
        since.nanos() > 999'999'999)
      v.add("since", "must be a time between 1970 and 9999");
    else
      query.since = since.seconds() * 1000 + since.nanos() / 1'000'000;
  }
  if (request.stream() != "" && request.stream() != "stdout" && request.stream() != "stderr")
    v.add("stream", "must be \"stdout\", \"stderr\" or empty");
  query.previous = request.previous();
  if (query.previous && !query.container.empty())
    v.add("previous", "cannot be asked of a container, which is one attempt: name its replica");
  if (query.previous && query.follow) v.add("previous", "cannot be followed: that attempt has ended");
  query.want_stdout = request.stream() != "stderr";
  query.want_stderr = request.stream() != "stdout";
  v.check_known(request, "");
  if (auto error = v.error("StreamLogs")) return fail(std::move(*error));
  return out;
}

Result<ExecRequest> parse_exec(const api::ExecCommandRequest& request) {
  Violations v;
  ExecRequest out{target_of(request, v), {}, request.stdin()};
  auto& query = out.query;
  query.replica = out.target.replica;
  query.container = out.target.container;
  query.command = command_of(request.command(), "command", v);
  if (request.stdin().size() > kMaxStdin) v.add("stdin", "is longer than 1 MiB; Exec takes more");
  query.has_input = !request.stdin().empty();
  if (request.has_timeout_ms()) {
    v.check_range("timeout_ms", request.timeout_ms(), 1, kHour);
    query.timeout = static_cast<Millis>(request.timeout_ms());
  }
  v.check_known(request, "");
  if (auto error = v.error("ExecCommand")) return fail(std::move(*error));
  return out;
}

}  // namespace cloudless::codec
