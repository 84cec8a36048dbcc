// Merges the log lines of several replicas by time. Pure: sessions feed it, the stream takes from it. A line
// waits until every other session has one to compare with. How long depends on the other: one that still
// brings what was written before is waited for patiently, one that has caught up and is silent only for a
// moment.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "messages/domain/session.hpp"

namespace cloudless::gateway {

struct MergedLine {
  SessionId session;
  LogLine line;
  std::size_t bytes = 0;  ///< what it took from the session's credit
};

/// For which sessions without a line to wait.
enum class MergeWait { for_all, for_backlog, for_none };

class LogMerge {
 public:
  void open(const SessionId& session) { sources_[session]; }
  void add(const SessionId& session, std::vector<LogLine> lines);
  /// Its lines that are still here go on; nothing waits for it any more.
  void end(const SessionId& session);
  bool is_open(const SessionId& session) const;
  /// What was written before is here; what comes now is new.
  void caught_up(const SessionId& session);
  bool empty() const;
  /// No line is here and every session ended.
  bool finished() const { return sources_.empty(); }

  /// The next lines in order of time, at most about `max_bytes` of them.
  std::vector<MergedLine> take(std::size_t max_bytes, MergeWait wait);

 private:
  struct Source {
    std::deque<LogLine> lines;
    bool ended = false;
    bool caught_up = false;
  };
  std::map<SessionId, Source> sources_;
};

}  // namespace cloudless::gateway
