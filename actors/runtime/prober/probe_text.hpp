// What an answer to a probe means, in words and as an outcome. Pure; the prober's parts ask it.
#pragma once

#include <string>
#include <string_view>

#include "actors/runtime/probe_port.hpp"

namespace cloudless::runtime {

/// Its first line that says something, at most `most` bytes; what is not printable ASCII is '?'.
std::string first_line(std::string_view text, std::size_t most = 120);

/// "10.88.0.2:8080"
std::string endpoint(const std::string& address, std::uint16_t port);

/// Of a connection that could not be opened, for the reason `error` (errno).
ProbeAnswer judge_no_connection(const std::string& where, int error);

/// Of a time-out.
ProbeAnswer judge_silence(const std::string& where, bool connected, Millis timeout);
ProbeAnswer judge_early_close(const std::string& where);
ProbeAnswer judge_endless_headers(const std::string& where);

/// Of an answer with this status and body. Redirects are answers like others: 200-399 passes.
ProbeAnswer judge_http(const HttpCheck& check, long status, std::string_view body);

/// What a gRPC server said: HTTP status, `grpc-status` and `grpc-message`, and the bytes of the answer.
struct GrpcReply {
  long http_status = 0;
  std::string grpc_status;  ///< empty: there was none
  std::string grpc_message;
  std::string body;
};
ProbeAnswer judge_grpc(const GrpcCheck& check, const GrpcReply& reply);
/// A request of grpc.health.v1.Health/Check as it is sent: length and message.
std::string grpc_request(const GrpcCheck& check);

ProbeAnswer judge_exec(const ExecCheck& check, Millis timeout, const Result<ExecResult>& result);

}  // namespace cloudless::runtime
