#include "actors/runtime/log_reader.hpp"

#include <string>
#include <utility>

#include "actors/runtime/containerd/log_format.hpp"

namespace cloudless::runtime {
namespace {

constexpr std::int64_t kNanosPerMilli = 1'000'000;

bool wanted(const LogFilter& filter, const LoggedLine& line) {
  if (line.kind == LineKind::numbered) return false;
  if (line.is_stderr ? !filter.want_stderr : !filter.want_stdout) return false;
  return !filter.after_nanos || line.time_nanos > *filter.after_nanos;
}

LogLine line_of(const LoggedLine& record, const ContainerId& container, std::uint64_t position) {
  LogLine line{record.time_nanos,
               record.is_stderr,
               record.kind == LineKind::partial,
               std::string{record.text},
               0,
               container,
               DropReason::none,
               position};
  if (record.kind != LineKind::dropped) return line;
  line.dropped_before = record.count;
  line.drop_reason = record.reason == Dropped::rate_limit ? DropReason::rate_limit : DropReason::disk_full;
  return line;
}

}  // namespace

LogFilter filter_of(const LogQuery& query) {
  LogFilter filter{query.want_stdout, query.want_stderr, std::nullopt};
  if (query.since) filter.after_nanos = *query.since * kNanosPerMilli;
  return filter;
}

LogPiece read_piece(std::string_view bytes, const LogFilter& filter, const ContainerId& container,
                    std::uint64_t credit, std::uint64_t position) {
  LogPiece piece;
  for (auto end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n', piece.consumed)) {
    const auto record = parse_log_line(bytes.substr(piece.consumed, end - piece.consumed));
    if (record && wanted(filter, *record)) {
      LogLine line = line_of(*record, container, position + end + 1);
      const auto cost = session_bytes(line);
      piece.out_of_credit = piece.cost + cost > credit;
      if (piece.out_of_credit || (piece.cost > 0 && piece.cost + cost > kMostPiece)) return piece;
      piece.cost += cost;
      piece.lines.push_back(std::move(line));
    }
    piece.consumed = end + 1;
  }
  return piece;
}

std::size_t tail_start(std::string_view bytes, const LogFilter& filter, std::uint32_t& count) {
  std::size_t start = bytes.size();
  std::size_t end = bytes.size();
  bool enough = count == 0;
  while (end > 0) {
    const auto feed = end >= 2 ? bytes.rfind('\n', end - 2) : std::string_view::npos;
    const std::size_t begin = feed == std::string_view::npos ? 0 : feed + 1;
    const auto record = parse_log_line(bytes.substr(begin, end - 1 - begin));
    end = begin;
    if (!record || !wanted(filter, *record) || record->kind == LineKind::dropped) continue;
    const bool ends_a_line = record->kind == LineKind::full;
    if (enough && ends_a_line) return start;
    if (ends_a_line) enough = --count == 0;
    start = begin;
  }
  return enough ? start : 0;
}

}  // namespace cloudless::runtime
