// Bounds of the public API that more than one parser needs; their meaning is written in the protos' comments.
#pragma once

#include <cstdint>

namespace cloudless::codec {

inline constexpr std::uint64_t kMaxReplicas = 10'000;  ///< of one workload
inline constexpr std::uint64_t kHour = 3'600'000;      ///< milliseconds

}  // namespace cloudless::codec
