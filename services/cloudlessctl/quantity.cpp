#include "services/cloudlessctl/quantity.hpp"

#include <charconv>
#include <limits>
#include <utility>

namespace cloudless::cli {
namespace {

/// Digits after the point that are looked at.
constexpr std::size_t kMaxFraction = 9;

/// "1.25" times `unit`, rounded up.
std::optional<std::uint64_t> scaled(std::string_view number, std::uint64_t unit) {
  const auto point = number.find('.');
  const auto whole = parse_whole_number(number.substr(0, point));
  if (!whole) return std::nullopt;
  unsigned __int128 numerator = *whole;
  unsigned __int128 denominator = 1;
  if (point != std::string_view::npos) {
    const auto digits = number.substr(point + 1);
    const auto fraction = parse_whole_number(digits);
    if (!fraction || digits.size() > kMaxFraction) return std::nullopt;
    for (std::size_t i = 0; i < digits.size(); ++i) denominator *= 10;
    numerator = numerator * denominator + *fraction;
  }
  // 2^64 * 10^9 * 2^50 needs 144 bits: refused before it can overflow.
  if (numerator > (~static_cast<unsigned __int128>(0)) / unit) return std::nullopt;
  const auto out = (numerator * unit + denominator - 1) / denominator;
  if (out > std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
  return static_cast<std::uint64_t>(out);
}

template <std::size_t N>
std::optional<std::uint64_t> with_suffix(std::string_view text,
                                         const std::pair<std::string_view, std::uint64_t> (&suffixes)[N],
                                         std::uint64_t plain_unit) {
  for (const auto& [suffix, unit] : suffixes) {
    if (text.ends_with(suffix)) return scaled(text.substr(0, text.size() - suffix.size()), unit);
  }
  return scaled(text, plain_unit);
}

}  // namespace

std::optional<std::uint64_t> parse_whole_number(std::string_view text) {
  std::uint64_t out = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return out;
}

std::optional<std::uint64_t> parse_cores(std::string_view text) {
  constexpr std::pair<std::string_view, std::uint64_t> kSuffixes[] = {{"m", 1}};
  return with_suffix(text, kSuffixes, 1000);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  constexpr std::pair<std::string_view, std::uint64_t> kSuffixes[] = {
      {"Ki", 1ULL << 10},       {"Mi", 1ULL << 20},
      {"Gi", 1ULL << 30},       {"Ti", 1ULL << 40},
      {"Pi", 1ULL << 50},       {"k", 1'000},
      {"M", 1'000'000},         {"G", 1'000'000'000},
      {"T", 1'000'000'000'000}, {"P", 1'000'000'000'000'000}};
  return with_suffix(text, kSuffixes, 1);
}

std::optional<std::uint64_t> parse_mode(std::string_view text) {
  const bool marked = text.starts_with("0o");
  if (!text.starts_with('0') || text.size() > 8 || text == "0o") return std::nullopt;
  if (marked) text.remove_prefix(2);
  std::uint64_t mode = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '7') return std::nullopt;
    mode = mode * 8 + static_cast<std::uint64_t>(digit - '0');
  }
  return mode;
}

std::optional<std::uint64_t> parse_duration(std::string_view text) {
  constexpr std::pair<std::string_view, std::uint64_t> kSuffixes[] = {
      {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  return with_suffix(text, kSuffixes, 1000);
}

}  // namespace cloudless::cli
