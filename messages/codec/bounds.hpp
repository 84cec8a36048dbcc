// Bounds and rules of the public API that more than one parser needs; their meaning is written in the protos'
// comments.
#pragma once

#include <cstdint>

namespace cloudless::codec {

inline constexpr std::uint64_t kMaxReplicas = 10'000;  ///< of one workload
inline constexpr std::uint64_t kHour = 3'600'000;      ///< milliseconds
inline constexpr std::uint64_t kDay = 24 * kHour;      ///< milliseconds

/// Of names and namespaces; continues a sentence that begins with the field's path.
inline constexpr const char* kLabelRule =
    "must be 1-63 characters of [a-z0-9-], beginning and ending with a letter or digit (RFC 1123 label)";

}  // namespace cloudless::codec
