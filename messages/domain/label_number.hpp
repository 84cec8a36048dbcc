// Labels that are compared as numbers.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cloudless {

/// Decimal, all of the text, of 64 bits with a sign; absent: it is no such number.
inline std::optional<std::int64_t> label_number(std::string_view text) {
  std::int64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || end != last) return std::nullopt;
  return value;
}

}  // namespace cloudless
