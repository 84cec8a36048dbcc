#include "messages/codec/api_stream.hpp"

#include "messages/codec/bounds.hpp"
#include "messages/codec/violations.hpp"
#include "messages/domain/names.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxCommand = 256;
constexpr std::size_t kMaxStdin = 1 << 20;
/// The year 9999, the end of protobuf's time stamps.
constexpr std::int64_t kMaxSeconds = 253'402'300'799;

template <class Request>
StreamTarget target_of(const Request& request, Violations& v) {
  const int named =
      !request.workload().empty() + !request.replica_id().empty() + !request.container_id().empty();
  if (named == 0) v.add("workload", "or replica_id or container_id is required");
  if (named > 1) v.add("workload", "replica_id and container_id exclude each other: give one of them");
  StreamTarget out;
  if (!request.workload().empty()) {
    out.workload = {request.namespace_().empty() ? "default" : request.namespace_(), request.workload()};
    if (!is_dns_label(out.workload.ns)) v.add("namespace", "must be a DNS label of 1-63 characters");
    if (!is_dns_label(out.workload.name)) v.add("workload", "must be a DNS label of 1-63 characters");
  }
  // An id that nothing can have is not found, rather than wrong; only its size is bounded here.
  if (request.replica_id().size() > 128) v.add("replica_id", "is longer than 128 characters");
  if (request.container_id().size() > 128) v.add("container_id", "is longer than 128 characters");
  out.replica = ReplicaId{request.replica_id()};
  out.container = ContainerId{request.container_id()};
  return out;
}

}  // namespace

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
  ExecRequest out{target_of(request, v), {}};
  auto& query = out.query;
  query.replica = out.target.replica;
  query.container = out.target.container;
  if (request.command_size() == 0 || request.command(0).empty()) v.add("command", "is required");
  v.check_count("command", static_cast<std::size_t>(request.command_size()), kMaxCommand);
  query.command.assign(request.command().begin(), request.command().end());
  for (std::size_t i = 0; i < query.command.size(); ++i) {
    if (query.command[i].find('\0') != std::string::npos)
      v.add(item("command", i), "contains a NUL character");
  }
  if (request.stdin().size() > kMaxStdin) v.add("stdin", "is longer than 1 MiB");
  query.stdin_data = request.stdin();
  if (request.has_timeout_ms()) {
    v.check_range("timeout_ms", request.timeout_ms(), 1, kHour);
    query.timeout = static_cast<Millis>(request.timeout_ms());
  }
  v.check_known(request, "");
  if (auto error = v.error("ExecCommand")) return fail(std::move(*error));
  return out;
}

}  // namespace cloudless::codec
