#include "actors/runtime/containerd/log_format.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace cloudless::runtime {
namespace {

using std::chrono::days;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::size_t kTimeLength = 30;  // 2026-01-02T03:04:05.000000000Z
constexpr std::int64_t kNanos = 1000000000;

std::optional<std::int64_t> number(std::string_view text, std::size_t at, std::size_t length) {
  std::int64_t value = 0;
  const auto* begin = text.data() + at;
  const auto [stop, ec] = std::from_chars(begin, begin + length, value);
  if (ec != std::errc{} || stop != begin + length || value < 0) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_time(std::string_view t) {
  if (t.size() != kTimeLength || t[4] != '-' || t[7] != '-' || t[10] != 'T' || t[13] != ':' || t[16] != ':' ||
      t[19] != '.' || t[29] != 'Z')
    return std::nullopt;
  const auto year = number(t, 0, 4), month = number(t, 5, 2), day = number(t, 8, 2);
  const auto hour = number(t, 11, 2), minute = number(t, 14, 2), second = number(t, 17, 2),
             nanos = number(t, 20, 9);
  if (!year || !month || !day || !hour || !minute || !second || !nanos) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const auto day_count = std::chrono::sys_days(date).time_since_epoch();
  return (std::chrono::duration_cast<seconds>(day_count).count() + *hour * 3600 + *minute * 60 + *second) *
             kNanos +
         *nanos;
}

void append_time(std::string& out, std::int64_t time_nanos) {
  const auto whole = std::chrono::floor<seconds>(nanoseconds(time_nanos));
  const auto date = std::chrono::floor<days>(whole);
  const std::chrono::year_month_day ymd{std::chrono::sys_days(date)};
  const auto of_day = (whole - date).count();
  char text[48];
  const int length =
      std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%09ldZ", static_cast<int>(ymd.year()),
                    static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                    static_cast<int>(of_day / 3600), static_cast<int>(of_day / 60 % 60),
                    static_cast<int>(of_day % 60), static_cast<long>(time_nanos - whole.count() * kNanos));
  out.append(text, static_cast<std::size_t>(length));
}

constexpr std::string_view kDiskFull = " lines were dropped here: the disk was full";
constexpr std::string_view kRateLimit = " lines were dropped here: the rate limit";
constexpr std::string_view kNumbered = " lines of this stream came before this file";

std::string_view phrase_of(const LoggedLine& line) {
  if (line.kind == LineKind::numbered) return kNumbered;
  return line.reason == Dropped::rate_limit ? kRateLimit : kDiskFull;
}

/// "<count> lines ...": of the kinds that stand for other lines. False if it is nothing of the sort.
bool parse_count(LoggedLine& line) {
  const auto digits = std::min(line.text.find(' '), line.text.size());
  const auto count = number(line.text, 0, digits);
  if (!count) return false;
  line.count = static_cast<std::uint64_t>(*count);
  line.reason = line.text.substr(digits) == kRateLimit ? Dropped::rate_limit : Dropped::disk_full;
  line.text = {};
  return true;
}

}  // namespace

std::string log_line_head(std::int64_t time_nanos, bool is_stderr, LineKind kind) {
  std::string out;
  append_time(out, time_nanos);
  out += is_stderr ? " stderr " : " stdout ";
  out += static_cast<char>(kind);
  out += ' ';
  return out;
}

void append_log_line(std::string& out, const LoggedLine& line) {
  out += log_line_head(line.time_nanos, line.is_stderr, line.kind);
  if (line.kind == LineKind::dropped || line.kind == LineKind::numbered) {
    out += std::to_string(line.count);
    out += phrase_of(line);
  } else {
    out += line.text;
  }
  out += '\n';
}

std::optional<LoggedLine> parse_log_line(std::string_view text) {
  constexpr std::size_t kHeader = kTimeLength + 1 + 6 + 1 + 1 + 1;
  if (text.size() < kHeader || text[kTimeLength] != ' ' || text[kTimeLength + 7] != ' ' ||
      text[kHeader - 1] != ' ')
    return std::nullopt;
  const auto time = parse_time(text.substr(0, kTimeLength));
  const auto stream = text.substr(kTimeLength + 1, 6);
  if (!time || (stream != "stdout" && stream != "stderr")) return std::nullopt;
  LoggedLine out{*time, stream == "stderr", LineKind::full, 0, text.substr(kHeader), Dropped::disk_full};
  switch (text[kHeader - 2]) {
    case 'F':
      return out;
    case 'P':
      out.kind = LineKind::partial;
      return out;
    case 'D':
      out.kind = LineKind::dropped;
      return parse_count(out) ? std::optional(out) : std::nullopt;
    case 'N':
      out.kind = LineKind::numbered;
      return parse_count(out) ? std::optional(out) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::string numbered_log(const std::string& log, std::uint32_t number) {
  return number == 0 ? log : log + "." + std::to_string(number);
}

std::optional<LogName> parse_log_name(std::string_view file) {
  constexpr std::string_view kEnd = ".log";
  const auto end = file.find(kEnd);
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  LogName out{file.substr(0, end), 0};
  const auto rest = file.substr(end + kEnd.size());
  if (rest.empty()) return out;
  const auto* stop = rest.data() + rest.size();
  const auto [at, ec] = std::from_chars(rest.data() + 1, stop, out.number);
  if (rest.size() < 2 || rest[0] != '.' || rest[1] == '0' || ec != std::errc{} || at != stop)
    return std::nullopt;
  return out;
}

}  // namespace cloudless::runtime
