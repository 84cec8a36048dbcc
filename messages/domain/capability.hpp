// The kernel's capabilities: the pieces that root's power is cut into. Pure table; messages/codec checks
// users' words with it, the agent's runtime grants with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cloudless {

/// Every capability of the kernel by its number, without "CAP_": [12] is "NET_ADMIN".
const std::vector<std::string>& capability_names();

/// The bit of a capability ("NET_ADMIN") in masks such as CapEff of /proc/<pid>/status; 0: no such
/// capability.
std::uint64_t capability_bit(std::string_view name);

/// True for those whose holder changes or reads the machine as a whole, whatever namespaces it is in: its
/// clock, its modules, its memory, its file systems. Granting one is like granting the machine.
bool acts_on_machine(std::string_view name);

/// Names of the bits that are set, in the order of their numbers.
std::vector<std::string> capabilities_of(std::uint64_t bits);

}  // namespace cloudless
