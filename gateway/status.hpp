// The one place where an Error becomes a gRPC status.
#pragma once

#include <grpcpp/support/status.h>

#include "messages/domain/error.hpp"

namespace cloudless::gateway {

/// Errc::none is OK. Violations go into the message, one line each, and into the details as
/// google.rpc.BadRequest; both are cut at 2 KiB (trailers are limited to 8 KiB), saying how many are left
/// out.
grpc::Status to_status(const Error& error);

grpc::StatusCode to_status_code(Errc code);

}  // namespace cloudless::gateway
