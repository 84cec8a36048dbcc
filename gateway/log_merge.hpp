// Merges the log lines of several replicas by time. Pure: sessions feed it, the stream takes from it. A line
// waits until every other live session has one to compare with, or until flush, so that a silent replica
// cannot hold back the others for long.
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

class LogMerge {
 public:
  void open(const SessionId& session) { sources_[session]; }
  void add(const SessionId& session, std::vector<LogLine> lines);
  /// Its lines that are still here go on; nothing waits for it any more.
  void end(const SessionId& session);
  bool is_open(const SessionId& session) const;
  /// No line is here and every session ended.
  bool finished() const { return sources_.empty(); }

  /// The next lines in order of time, at most about `max_bytes` of them. With flush also those that wait for
  /// a silent session.
  std::vector<MergedLine> take(std::size_t max_bytes, bool flush);

 private:
  struct Source {
    std::deque<LogLine> lines;
    bool ended = false;
  };
  std::map<SessionId, Source> sources_;
};

}  // namespace cloudless::gateway
