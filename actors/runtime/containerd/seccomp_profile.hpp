// The filter of system calls that a container runs under, as the "seccomp" of the OCI spec: the default one,
// made from seccomp_calls, or one of the node's owner, read and checked. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "messages/domain/error.hpp"

namespace cloudless::runtime {

/// An allow list: what is not in it fails with EPERM (clone3 with ENOSYS, so that programs fall back to
/// clone). Programs of the machine's 64-bit architecture only: others are killed at their first call.
/// `capabilities` as granted, without "CAP_".
nlohmann::json default_seccomp(std::string_view architecture, const std::set<std::string>& capabilities);

/// A profile file: the "linux.seccomp" object of an OCI spec. FAILED_PRECONDITION with the place when it is
/// none: not JSON, an unknown action or comparison, or a call that this architecture does not have under an
/// action that is not SCMP_ACT_ALLOW (runc would skip it, and what was to be blocked were not).
Result<nlohmann::json> parse_seccomp(const std::string& text, const std::string& file,
                                     std::string_view architecture);

}  // namespace cloudless::runtime
