#include "gateway/status.hpp"

#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace cloudless::gateway {
namespace {

constexpr std::size_t kMostBytes = 2048;

/// Text that protobuf accepts as a string and trailers as a header, of at most `most` bytes.
std::string clean(const std::string& text, std::size_t most = kMostBytes) {
  std::string out;
  for (char c : text) {
    if (out.size() >= most) return out + "...";
    const auto byte = static_cast<unsigned char>(c);
    out += (byte < 0x20 && c != '\n') || byte >= 0x7f ? '?' : c;
  }
  return out;
}

std::string message_of(const Error& error) {
  std::string out = clean(error.message);
  std::size_t shown = 0;
  for (const auto& v : error.violations) {
    const std::string line = "\n" + clean(v.path, 256) + ": " + clean(v.reason, 512);
    if (out.size() + line.size() > 2 * kMostBytes) break;
    out += line;
    ++shown;
  }
  if (shown < error.violations.size())
    out += "\n... and " + std::to_string(error.violations.size() - shown) + " more";
  return out;
}

std::string details_of(const Error& error, grpc::StatusCode code, const std::string& message) {
  google::rpc::BadRequest bad;
  for (const auto& v : error.violations) {
    if (bad.ByteSizeLong() > kMostBytes - 768) break;
    auto* field = bad.add_field_violations();
    field->set_field(clean(v.path, 256));
    field->set_description(clean(v.reason, 512));
  }
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message.substr(0, 256));
  status.add_details()->PackFrom(bad);
  return status.SerializeAsString();
}

}  // namespace

grpc::StatusCode to_status_code(Errc code) {
  switch (code) {
    case Errc::none:
      return grpc::StatusCode::OK;
    case Errc::invalid_argument:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Errc::not_found:
      return grpc::StatusCode::NOT_FOUND;
    case Errc::already_exists:
      return grpc::StatusCode::ALREADY_EXISTS;
    case Errc::aborted:
      return grpc::StatusCode::ABORTED;
    case Errc::failed_precondition:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case Errc::resource_exhausted:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Errc::unavailable:
      return grpc::StatusCode::UNAVAILABLE;
    case Errc::unimplemented:
      return grpc::StatusCode::UNIMPLEMENTED;
    case Errc::out_of_range:
      return grpc::StatusCode::OUT_OF_RANGE;
    case Errc::deadline_exceeded:
      return grpc::StatusCode::DEADLINE_EXCEEDED;
    case Errc::internal:
      return grpc::StatusCode::INTERNAL;
    case Errc::permission_denied:
      return grpc::StatusCode::PERMISSION_DENIED;
    case Errc::cancelled:
      return grpc::StatusCode::CANCELLED;
    case Errc::data_loss:
      return grpc::StatusCode::DATA_LOSS;
  }
  return grpc::StatusCode::INTERNAL;  // a code of a newer peer
}

grpc::Status to_status(const Error& error) {
  const auto code = to_status_code(error.code);
  if (code == grpc::StatusCode::OK) return grpc::Status::OK;
  const auto message = message_of(error);
  if (error.violations.empty()) return {code, message};
  return {code, message, details_of(error, code, message)};
}

}  // namespace cloudless::gateway
