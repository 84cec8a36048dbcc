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

}  // namespace

void append_log_line(std::string& out, const LoggedLine& line) {
  append_time(out, line.time_nanos);
  out += line.is_stderr ? " stderr " : " stdout ";
  out += static_cast<char>(line.kind);
  out += ' ';
  if (line.kind == LineKind::dropped) {
    out += std::to_string(line.dropped);
    out += " lines were dropped here: the disk was full";
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
  LoggedLine out{*time, stream == "stderr", LineKind::full, 0, text.substr(kHeader)};
  switch (text[kHeader - 2]) {
    case 'F':
      return out;
    case 'P':
      out.kind = LineKind::partial;
      return out;
    case 'D': {
      out.kind = LineKind::dropped;
      const auto count = number(out.text, 0, std::min(out.text.find(' '), out.text.size()));
      if (!count) return std::nullopt;
      out.dropped = static_cast<std::uint64_t>(*count);
      out.text = {};
      return out;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace cloudless::runtime
