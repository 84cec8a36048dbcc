#include "actors/runtime/prober/probe_text.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "grpc_health/health.pb.h"

namespace cloudless::runtime {
namespace {

using HealthReply = grpc::health::v1::HealthCheckResponse;

constexpr std::size_t kFrameHead = 5;  // compressed or not, then the length, most significant byte first

ProbeAnswer failed(std::string text) {
  return {ProbeOutcome::failed, std::move(text)};
}

std::string with_details(std::string text, std::string_view details) {
  const std::string line = first_line(details);
  return line.empty() ? text : text + ": " + line;
}

std::string in_words(const std::vector<std::string>& command) {
  std::string all;
  for (const auto& word : command) all += (all.empty() ? "" : " ") + word;
  return first_line(all, 80);
}

/// Trouble of this node alone: it says nothing of the container.
bool is_our_fault(int error) {
  return error == EADDRNOTAVAIL || error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/// The one message that the body of a unary answer is; false if it is none.
bool read_reply(std::string_view body, HealthReply& out) {
  if (body.size() < kFrameHead || body[0] != 0) return false;
  std::uint32_t length = 0;
  for (std::size_t i = 1; i < kFrameHead; ++i) length = length << 8 | static_cast<unsigned char>(body[i]);
  if (body.size() - kFrameHead != length) return false;
  return out.ParseFromArray(body.data() + kFrameHead, static_cast<int>(length));
}

}  // namespace

std::string first_line(std::string_view text, std::size_t most) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  text = text.substr(begin);
  text = text.substr(0, text.find_first_of("\r\n"));
  const bool cut = text.size() > most;
  std::string out(text.substr(0, most));
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  return cut ? out + "..." : out;
}

std::string endpoint(const std::string& address, std::uint16_t port) {
  return address + ":" + std::to_string(port);
}

ProbeAnswer judge_no_connection(const std::string& where, int error) {
  if (error == ECONNREFUSED) return failed("connection refused by " + where);
  return {is_our_fault(error) ? ProbeOutcome::unknown : ProbeOutcome::failed,
          "no connection to " + where + ": " + std::strerror(error)};
}

ProbeAnswer judge_silence(const std::string& where, bool connected, Millis timeout) {
  return failed((connected ? "no answer from " : "no connection to ") + where + " within " +
                std::to_string(timeout) + " ms");
}

ProbeAnswer judge_early_close(const std::string& where) {
  return failed(where + " closed the connection without an answer");
}

ProbeAnswer judge_endless_headers(const std::string& where) {
  return failed("the headers of the answer from " + where + " are larger than 64 KiB");
}

ProbeAnswer judge_http(const HttpCheck& check, long status, std::string_view body) {
  if (status >= 200 && status < 400) return {ProbeOutcome::passed, {}};
  return failed(with_details("HTTP " + std::to_string(status) + " from " + first_line(check.path, 80), body));
}

std::string grpc_request(const GrpcCheck& check) {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(check.service);
  const std::string message = request.SerializeAsString();
  std::string out(kFrameHead, '\0');
  for (std::size_t i = 0; i < 4; ++i)
    out[kFrameHead - 1 - i] = static_cast<char>(message.size() >> (8 * i) & 0xff);
  return out + message;
}

ProbeAnswer judge_grpc(const GrpcCheck& check, const GrpcReply& reply) {
  const std::string of = check.service.empty() ? "" : " for \"" + first_line(check.service, 80) + "\"";
  if (reply.http_status != 200)
    return failed("HTTP " + std::to_string(reply.http_status) + " instead of an answer of gRPC");
  if (reply.grpc_status == "12") return failed("the gRPC server has no service grpc.health.v1.Health");
  if (reply.grpc_status == "5") return failed("the gRPC health service does not know this service" + of);
  if (reply.grpc_status != "0")
    return failed(with_details(
        "gRPC status " + (reply.grpc_status.empty() ? "missing" : first_line(reply.grpc_status, 10)) + of,
        reply.grpc_message));
  HealthReply health;
  if (!read_reply(reply.body, health)) return failed("the gRPC health service's answer cannot be read");
  if (health.status() == HealthReply::SERVING) return {ProbeOutcome::passed, {}};
  return failed("gRPC health" + of + " is " +
                (HealthReply::ServingStatus_IsValid(health.status())
                     ? HealthReply::ServingStatus_Name(health.status())
                     : std::to_string(health.status())));
}

ProbeAnswer judge_exec(const ExecCheck& check, Millis timeout, const Result<ExecResult>& result) {
  const std::string command = "'" + in_words(check.command) + "'";
  if (!result) {
    const auto& error = result.error();
    // Only these say something of the container: it does not run, or the command is not in it.
    const bool its_fault = error.code == Errc::not_found || error.code == Errc::failed_precondition;
    return {its_fault ? ProbeOutcome::failed : ProbeOutcome::unknown,
            with_details(command + " cannot be run", error.message)};
  }
  if (result->timed_out) return failed(command + " did not end within " + std::to_string(timeout) + " ms");
  if (result->exit_code == 0) return {ProbeOutcome::passed, {}};
  return failed(with_details("exit code " + std::to_string(result->exit_code) + " from " + command,
                             result->stderr_data.empty() ? result->stdout_data : result->stderr_data));
}

}  // namespace cloudless::runtime
