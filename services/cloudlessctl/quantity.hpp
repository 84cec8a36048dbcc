// Amounts as people write them: "500m" of a core, "64Mi" of memory, "25%". Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cloudless::cli {

/// Digits only, no sign.
std::optional<std::uint64_t> parse_whole_number(std::string_view text);
/// Thousandths of `text`, rounded up: "500m" is 500, "0.5" is 500, "2" is 2000.
std::optional<std::uint64_t> parse_cores(std::string_view text);
/// "64Mi", "1.5G", "1024": suffixes k, M, G, T, P (thousands) and Ki, Mi, Gi, Ti, Pi (1024s); rounded up.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// Permission bits in octal, written with a 0 before them, "0640" or "0o640": without it nobody could tell
/// which number is meant.
std::optional<std::uint64_t> parse_mode(std::string_view text);
/// "10s", "5m", "2h", "1d", "250ms" in milliseconds; a number alone is seconds.
std::optional<std::uint64_t> parse_duration(std::string_view text);

}  // namespace cloudless::cli
