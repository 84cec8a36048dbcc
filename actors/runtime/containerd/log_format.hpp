// One line of a container's log file, CRI's format: "2026-01-02T03:04:05.000000000Z stdout F the line".
// Written by cloudless-logger, read by the agent. Only the standard library: the logger is tiny.
//   F: the line is complete. P: it goes on in the next line of the same stream.
//   D: "<count> lines were dropped here: the disk was full", or "...: the rate limit", in place of `count`
//      lines of that stream. What was begun of a line before it (P) is not finished.
//   N: "<count> lines of this stream came before this file", the first lines of every file but the first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cloudless::runtime {

enum class LineKind : char { full = 'F', partial = 'P', dropped = 'D', numbered = 'N' };

/// Why lines are not in the log.
enum class Dropped : std::uint8_t { disk_full, rate_limit };

struct LoggedLine {
  std::int64_t time_nanos = 0;  ///< since 1970, UTC
  bool is_stderr = false;
  LineKind kind = LineKind::full;
  std::uint64_t count = 0;              ///< of a line of kind dropped or numbered
  std::string_view text;                ///< without the line feed; empty of these kinds
  Dropped reason = Dropped::disk_full;  ///< of kind dropped
};

/// What the line begins with, up to its text: "2026-01-02T03:04:05.000000000Z stdout F ".
std::string log_line_head(std::int64_t time_nanos, bool is_stderr, LineKind kind);
/// Appends the line and a line feed.
void append_log_line(std::string& out, const LoggedLine& line);
/// `text` without its line feed. Absent when it is no such line (a crash in the middle of a write, a
/// stranger's file).
std::optional<LoggedLine> parse_log_line(std::string_view text);

/// A container's log is several files: "<name>.log", "<name>.log.1", "<name>.log.2", ... The one with the
/// highest number is written; each is final once the next one exists. Numbers are not used again.
std::string numbered_log(const std::string& log, std::uint32_t number);
struct LogName {
  std::string_view name;
  std::uint32_t number = 0;
};
/// From a file's name. Absent: it is none of ours.
std::optional<LogName> parse_log_name(std::string_view file);

}  // namespace cloudless::runtime
