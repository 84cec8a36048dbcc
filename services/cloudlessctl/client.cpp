#include "services/cloudlessctl/client.hpp"

#include <sstream>
#include <utility>

#include "services/cloudlessctl/handshake.hpp"

namespace cloudless::cli {
namespace {

constexpr int kMaxReply = 64 << 20;

const char* name_of(grpc::StatusCode code) {
  constexpr const char* kNames[] = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  const auto number = static_cast<std::size_t>(code);
  return number < std::size(kNames) ? kNames[number] : "UNKNOWN";
}

std::shared_ptr<grpc::ChannelCredentials> credentials_of(const Endpoint& endpoint) {
  if (!endpoint.tls) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({endpoint.ca.text, endpoint.key.text, endpoint.cert.text});
}

/// gRPC's words for it; the server's own UNAVAILABLE has others.
bool never_connected(const Failure& failure) {
  return failure.code == grpc::StatusCode::UNAVAILABLE &&
         (failure.message.starts_with("failed to connect") || failure.message == "Socket closed");
}

}  // namespace

Client::Client(Endpoint endpoint, std::chrono::milliseconds timeout)
    : endpoint_(std::move(endpoint)), timeout_(timeout) {
  grpc::ChannelArguments arguments;
  if (endpoint_.tls) arguments.SetSslTargetNameOverride(endpoint_.name);
  arguments.SetMaxReceiveMessageSize(kMaxReply);
  // Two servers on one machine in turn must not share a connection of this process.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A proxy for the web knows nothing of a cluster's addresses.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A server that vanished without a word ends a stream that waits for it.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  stub_ = Service::NewStub(grpc::CreateCustomChannel(endpoint_.server, credentials_of(endpoint_), arguments));
}

Failure Client::explained(Failure failure) const {
  if (!never_connected(failure)) return failure;
  if (auto trouble = handshake_trouble(endpoint_); !trouble.empty()) failure.message = std::move(trouble);
  return failure;
}

Failure failure_of(const grpc::Status& status) {
  Failure out{status.error_code(), {}, {}};
  // The server writes a sentence, then "path: reason" for each bad field (gateway/status.hpp).
  std::istringstream lines(status.error_message());
  std::getline(lines, out.message);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos || line.substr(0, colon).find(' ') < line.find('[')) {
      out.message += "\n" + line;
    } else {
      out.violations.push_back({line.substr(0, colon), line.substr(colon + 2)});
    }
  }
  return out;
}

ExitCode exit_code_of(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return ExitCode::ok;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::OUT_OF_RANGE:
      return ExitCode::invalid;
    case grpc::StatusCode::NOT_FOUND:
      return ExitCode::not_found;
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::ABORTED:
      return ExitCode::conflict;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return ExitCode::unavailable;
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::DO_NOT_USE:
      return ExitCode::failed;
  }
  return ExitCode::failed;
}

std::string to_text(const Failure& failure) {
  std::string out = std::string(name_of(failure.code)) + ": " + failure.message;
  for (const auto& violation : failure.violations) out += "\n  " + violation.path + ": " + violation.reason;
  if (failure.code == grpc::StatusCode::UNAVAILABLE &&
      (failure.message.starts_with("failed to connect") || failure.message.starts_with("DNS resolution")))
    out +=
        "\nIs a coordinator or a gateway running there? --server, CLOUDLESS_SERVER or the configuration file "
        "name another.";
  return out;
}

}  // namespace cloudless::cli
