#include "gateway/log_merge.hpp"

#include <algorithm>
#include <utility>

namespace cloudless::gateway {

void LogMerge::add(const SessionId& session, std::vector<LogLine> lines) {
  auto it = sources_.find(session);
  if (it == sources_.end() || it->second.ended) return;
  for (auto& line : lines) it->second.lines.push_back(std::move(line));
}

void LogMerge::end(const SessionId& session) {
  auto it = sources_.find(session);
  if (it == sources_.end()) return;
  it->second.ended = true;
  if (it->second.lines.empty()) sources_.erase(it);
}

bool LogMerge::is_open(const SessionId& session) const {
  const auto it = sources_.find(session);
  return it != sources_.end() && !it->second.ended;
}

void LogMerge::caught_up(const SessionId& session) {
  if (auto it = sources_.find(session); it != sources_.end()) it->second.caught_up = true;
}

bool LogMerge::empty() const {
  return std::all_of(sources_.begin(), sources_.end(), [](const auto& s) { return s.second.lines.empty(); });
}

std::vector<MergedLine> LogMerge::take(std::size_t max_bytes, MergeWait wait) {
  std::vector<MergedLine> out;
  std::size_t bytes = 0;
  while (bytes < max_bytes) {
    auto earliest = sources_.end();
    for (auto it = sources_.begin(); it != sources_.end(); ++it) {
      if (it->second.lines.empty()) {
        if (wait == MergeWait::for_all || (wait == MergeWait::for_backlog && !it->second.caught_up))
          return out;
        continue;
      }
      if (earliest == sources_.end() ||
          it->second.lines.front().time_nanos < earliest->second.lines.front().time_nanos)
        earliest = it;
    }
    if (earliest == sources_.end()) return out;
    auto& source = earliest->second;
    const auto size = session_bytes(source.lines.front());
    out.push_back({earliest->first, std::move(source.lines.front()), size});
    bytes += size;
    source.lines.pop_front();
    if (source.lines.empty() && source.ended) sources_.erase(earliest);
  }
  return out;
}

}  // namespace cloudless::gateway
