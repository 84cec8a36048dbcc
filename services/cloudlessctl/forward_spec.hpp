// "[LOCAL:]REMOTE", as port-forward has it on its command line. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cloudless::cli {

struct ForwardSpec {
  std::uint16_t local = 0;  ///< 0: whichever is free
  std::uint16_t remote = 0;
  bool operator==(const ForwardSpec&) const = default;
};

/// "8080" (the same on both sides), "9090:80", ":80" and "0:80" (a free one). Absent if it is none of these.
std::optional<ForwardSpec> parse_forward(const std::string& text);

}  // namespace cloudless::cli
