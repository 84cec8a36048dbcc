// One line of a container's log file, CRI's format: "2026-01-02T03:04:05.000000000Z stdout F the line".
// Written by cloudless-logger, read by the agent. Only the standard library: the logger is tiny.
//   F: the line is complete. P: it goes on in the next line of the same stream.
//   D: "<count> lines were dropped here: the disk was full", in place of `count` lines of that stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cloudless::runtime {

enum class LineKind : char { full = 'F', partial = 'P', dropped = 'D' };

struct LoggedLine {
  std::int64_t time_nanos = 0;  ///< since 1970, UTC
  bool is_stderr = false;
  LineKind kind = LineKind::full;
  std::uint64_t dropped = 0;  ///< of a line of kind dropped
  std::string_view text;      ///< without the line feed; empty of kind dropped
};

/// Appends the line and a line feed.
void append_log_line(std::string& out, const LoggedLine& line);
/// `text` without its line feed. Absent when it is no such line (a crash in the middle of a write, a
/// stranger's file).
std::optional<LoggedLine> parse_log_line(std::string_view text);

}  // namespace cloudless::runtime
