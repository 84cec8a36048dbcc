#include "services/cloudlessctl/copy_place.hpp"

#include <array>
#include <cstdio>

namespace cloudless::cli {

CopyPlace parse_place(const std::string& text) {
  const auto colon = text.find(':'), slash = text.find('/');
  if (colon == std::string::npos || slash < colon || colon == 0) return {{}, text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::string last_name(std::string path) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  const auto slash = path.rfind('/');
  if (slash != std::string::npos) path.erase(0, slash + 1);
  return path.empty() || path == "." || path == ".." ? "root" : path;
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  auto amount = static_cast<double>(bytes);
  while (amount >= 1024 && unit + 1 < kUnits.size()) {
    amount /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", amount, kUnits[unit]);
  return text.data();
}

}  // namespace cloudless::cli
