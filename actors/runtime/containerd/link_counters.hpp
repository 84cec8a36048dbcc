// The kernel's counters of network links, from the text of /proc/net/dev. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace cloudless::runtime {

struct LinkCounters {
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
  bool operator==(const LinkCounters&) const = default;
};

/// By the link's name. Lines that are no link's are left out.
std::map<std::string, LinkCounters, std::less<>> link_counters(std::string_view text);

}  // namespace cloudless::runtime
