// containerd and runc report most failures as UNKNOWN with a sentence; this finds out what they mean for a
// user. Pure.
#pragma once

#include <string>
#include <string_view>

#include "messages/domain/error.hpp"

namespace cloudless::runtime {

/// From a gRPC status code (its number) and message, met while doing `what` ("start container x"). Never
/// Errc::none.
Error runtime_error(int grpc_code, std::string_view message, std::string_view what);

/// The same for a pull of `image`: NOT_FOUND, PERMISSION_DENIED (needs credentials) or UNAVAILABLE (registry
/// or containerd away).
Error pull_error(int grpc_code, std::string_view message, std::string_view image);

}  // namespace cloudless::runtime
