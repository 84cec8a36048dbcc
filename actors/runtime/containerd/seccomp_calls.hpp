// Every system call of the kernel, and what it takes to make it under the default profile: nothing, a
// capability, or it is never allowed. Data, read by seccomp_profile.cpp; a test holds it against the kernel's
// own headers, so that no call is forgotten.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cloudless::runtime {

/// The one condition that the filter puts on a call's arguments.
enum class CallCondition {
  none,
  clone_flags,   ///< no flag that makes a namespace
  personality,   ///< the plain Linux ones
  socket_family  ///< local, IP, netlink and packet sockets
};

struct SystemCall {
  std::string_view name;
  bool never = false;
  /// Capabilities, any of which allows the call without condition; with none of them the condition holds, and
  /// a call without condition is refused unless this is empty.
  std::vector<std::string_view> capabilities;
  CallCondition condition = CallCondition::none;
};

/// `architecture` as Go names it: amd64, arm64, riscv64. By name, each once.
const std::vector<SystemCall>& system_calls(std::string_view architecture);

}  // namespace cloudless::runtime
