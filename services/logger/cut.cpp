#include "services/logger/cut.hpp"

#include <algorithm>

namespace cloudless::logger {
namespace {

using runtime::Dropped;
using runtime::LineKind;

constexpr std::size_t kNone = std::string_view::npos;

void append_markers(Cut& cut, bool is_stderr, std::int64_t time_nanos) {
  for (const auto reason : {Dropped::disk_full, Dropped::rate_limit}) {
    auto& count = cut.after.dropped[static_cast<int>(reason)];
    if (count == 0) continue;
    runtime::append_log_line(cut.text, {time_nanos, is_stderr, LineKind::dropped, count, {}, reason});
    cut.after.lines += count;
    count = 0;
    cut.after.in_line = 0;  // what was begun stays unfinished
  }
}

}  // namespace

Cut cut(StreamState before, std::string_view bytes, bool is_stderr, std::int64_t time_nanos, CutMode mode) {
  Cut out{{}, 0, before};
  std::size_t at = 0;
  if (before.losing != 0) {
    const auto end = bytes.find('\n');
    at = end == kNone ? bytes.size() : end + 1;
    if (end != kNone || mode == CutMode::end) out.after.losing = 0;
  }
  const auto full = runtime::log_line_head(time_nanos, is_stderr, LineKind::full);
  const auto partial = runtime::log_line_head(time_nanos, is_stderr, LineKind::partial);
  out.text.reserve(kMostText + 2 * kLongestPiece);
  if (at < bytes.size() || mode != CutMode::lines) append_markers(out, is_stderr, time_nanos);
  const auto whole_records = out.text.size();
  while (at < bytes.size() && out.text.size() < kMostText) {
    const auto rest = bytes.substr(at);
    const auto end = rest.substr(0, kLongestPiece + 1).find('\n');
    if (end == kNone && rest.size() <= kLongestPiece && mode == CutMode::lines) break;
    const auto piece = rest.substr(0, std::min(end, kLongestPiece));
    const bool whole = end != kNone || (mode == CutMode::end && piece.size() == rest.size());
    out.text += whole ? full : partial;
    out.text += piece;
    out.text += '\n';
    at += piece.size() + (end != kNone ? 1 : 0);
    out.after.in_line = whole ? 0 : 1;
    if (whole) ++out.after.lines;
  }
  if (mode == CutMode::end && out.after.in_line != 0) {
    out.text += full;
    out.text += '\n';
    out.after.in_line = 0;
    ++out.after.lines;
  }
  // A marker waits for the line after it, if only an unfinished one is here.
  if (out.text.size() == whole_records && mode == CutMode::lines) {
    const auto losing = out.after.losing;
    out.text.clear();
    out.after = before;
    out.after.losing = losing;
  }
  out.taken = at;
  out.after.processed += at;
  return out;
}

StreamState drop(StreamState before, std::string_view bytes, Dropped reason) {
  if (bytes.empty()) return before;
  const auto feeds = static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  const bool ends = bytes.back() == '\n';
  auto after = before;
  after.processed += bytes.size();
  after.dropped[static_cast<int>(reason)] += (before.losing != 0 ? 0 : 1) + feeds - (ends ? 1 : 0);
  after.losing = ends ? 0 : 1;
  return after;
}

StreamState shortened(const StreamState& before, const Cut& cut, std::size_t written, std::size_t& kept) {
  const auto last = written == 0 ? kNone : cut.text.rfind('\n', written - 1);
  kept = last == kNone ? 0 : last + 1;
  auto after = cut.after;  // if it loses a line, there are no records of lines
  for (std::size_t at = kept; at < cut.text.size();) {
    const auto end = cut.text.find('\n', at);
    const auto record = runtime::parse_log_line(std::string_view(cut.text).substr(at, end - at));
    at = end + 1;
    if (!record) continue;
    if (record->kind == LineKind::dropped) {
      after.dropped[static_cast<int>(record->reason)] += record->count;
      after.lines -= record->count;
    } else {
      const bool full = record->kind == LineKind::full;
      // A line counts once, with its first piece that is lost.
      if (after.losing == 0) ++after.dropped[static_cast<int>(Dropped::disk_full)];
      if (full) --after.lines;
      after.losing = full ? 0 : 1;
    }
  }
  if (kept == 0) after.in_line = before.in_line;
  return after;
}

}  // namespace cloudless::logger
