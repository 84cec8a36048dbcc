// From the bytes of a container's log file to lines: what a query wants of them, where its tail begins, and
// how much of it a credit covers. Pure; log_follower reads the files.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "messages/domain/session.hpp"

namespace cloudless::runtime {

struct LogFilter {
  bool want_stdout = true;
  bool want_stderr = true;
  std::optional<std::int64_t> after_nanos;  ///< only lines that are later
};
LogFilter filter_of(const LogQuery& query);

struct LogPiece {
  std::vector<LogLine> lines;
  std::size_t consumed = 0;    ///< of the bytes: all records that are delivered or filtered out
  std::uint64_t cost = 0;      ///< of the credit
  bool out_of_credit = false;  ///< the next line costs more than is left
};

/// Bytes of lines in one piece, as session_bytes counts them, unless one line alone has more.
inline constexpr std::uint64_t kMostPiece = 64 << 10;

/// Lines of whole records at the beginning of `bytes`; a record without its line feed yet waits. Records that
/// are none (a crash in the middle of a write) are passed over. `position`: of the first byte, in the log.
LogPiece read_piece(std::string_view bytes, const LogFilter& filter, const ContainerId& container,
                    std::uint64_t credit, std::uint64_t position);

/// Where the last `count` wanted lines of `bytes` begin. Fewer are there: count is lowered by as many as were
/// found, and the answer is 0. `bytes` ends with a whole record; a line in pieces counts once.
std::size_t tail_start(std::string_view bytes, const LogFilter& filter, std::uint32_t& count);

}  // namespace cloudless::runtime
