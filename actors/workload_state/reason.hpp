// Replica::reason, bounded: what agents and deciders say goes into every mirror.
#pragma once

#include <cstddef>
#include <string>

namespace cloudless::workload_state {

inline constexpr std::size_t kMaxReason = 1024;

/// The first `size` bytes at most; a UTF-8 sequence is not cut in two, because the record could not be read
/// back then.
std::string shortened(const std::string& text, std::size_t size = kMaxReason);

}  // namespace cloudless::workload_state
