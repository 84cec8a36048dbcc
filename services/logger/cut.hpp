// From a stream's bytes to the records of its log, and what becomes of its position. Pure: given the same
// arguments the same records come out, so that a logger can finish exactly what a killed one had begun.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "actors/runtime/containerd/log_format.hpp"

namespace cloudless::logger {

/// Where one stream (stdout or stderr) stands. Plain data: it lives in shared memory.
struct StreamState {
  std::uint32_t journal = 0;  ///< which of its two journal files is in use
  std::uint32_t in_line = 0;  ///< 1: the last record was a piece that another follows
  std::uint32_t losing = 0;   ///< 1: the rest of a line that was counted as dropped is still to come
  std::uint32_t padding = 0;
  std::uint64_t processed = 0;        ///< bytes of the journal that are in the log, or dropped
  std::uint64_t lines = 0;            ///< that ended up to here, in all of the log's files, dropped ones too
  std::uint64_t dropped[2] = {0, 0};  ///< by reason: lines that the log does not account for yet

  bool owes_marker() const { return dropped[0] + dropped[1] > 0; }
};

/// Longest text of a record; longer lines come in pieces. As CRI.
inline constexpr std::size_t kLongestPiece = 16384;
/// A cut ends with the record that reaches this.
inline constexpr std::size_t kMostText = 64 << 10;

enum class CutMode : std::uint32_t {
  lines,  ///< what is whole
  all,    ///< also the beginning of an unfinished line, as a piece
  end,    ///< the stream ended: everything, and the last line is complete
};

struct Cut {
  std::string text;       ///< records, each with its line feed
  std::size_t taken = 0;  ///< of the bytes
  StreamState after;      ///< with `taken` processed and `text` written
};

/// Records of what is whole at the beginning of `bytes`. What was dropped before is said first. As long as
/// some are taken, there may be more.
Cut cut(StreamState before, std::string_view bytes, bool is_stderr, std::int64_t time_nanos, CutMode mode);

/// All bytes are dropped: the lines that begin in them are counted.
StreamState drop(StreamState before, std::string_view bytes, runtime::Dropped reason);

/// Of `cut.text` only `written` bytes found space. The answer counts the rest as dropped; `kept`: length of
/// the records that are whole.
StreamState shortened(const StreamState& before, const Cut& cut, std::size_t written, std::size_t& kept);

}  // namespace cloudless::logger
