#include "actors/runtime/containerd/link_counters.hpp"

#include <array>
#include <charconv>

namespace cloudless::runtime {
namespace {

/// Columns after the name: eight of what was received, then eight of what was sent; bytes come first.
constexpr std::size_t kReceivedBytes = 0;
constexpr std::size_t kSentBytes = 8;

std::string_view without_spaces(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

}  // namespace

std::map<std::string, LinkCounters, std::less<>> link_counters(std::string_view text) {
  std::map<std::string, LinkCounters, std::less<>> out;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::array<std::uint64_t, kSentBytes + 1> columns{};
    auto rest = line.substr(colon + 1);
    bool whole = true;
    for (auto& column : columns) {
      rest = without_spaces(rest);
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), column);
      whole = whole && error == std::errc{};
      if (!whole) break;
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    }
    if (whole)
      out[std::string(without_spaces(line.substr(0, colon)))] = {columns[kReceivedBytes],
                                                                 columns[kSentBytes]};
  }
  return out;
}

}  // namespace cloudless::runtime
