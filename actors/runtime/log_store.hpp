// The agent's door to containers' logs: log_follower reads the logger's files, simulated/ makes lines up.
// Batches come from any thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/session.hpp"

namespace cloudless::runtime {

struct LogBatch {
  std::vector<LogLine> lines;
  bool ended = false;               ///< the last batch
  Error error{Errc::none, {}, {}};  ///< with ended: why
  bool caught_up = false;           ///< with follow, once: what was there is delivered
};

struct LogRequest {
  LogQuery query;
  /// Of one replica, in the order of its attempts; empty: whatever is kept of query.replica.
  std::vector<ContainerId> containers;
  bool more_may_come = false;  ///< with follow: the last container writes on, or another may follow
  std::uint64_t credit = 0;    ///< bytes that may be delivered before more is granted
};

/// One reading of logs. Its destructor ends it; a delivery that is under way may still arrive.
class LogReading {
 public:
  virtual ~LogReading() = default;
  /// The receiver took this many bytes more.
  virtual void grant(std::uint64_t bytes) = 0;
  /// With follow: the next attempt's container; the one before it has ended.
  virtual void add_container(ContainerId container) = 0;
  /// With follow: nothing more will be written; what is there is delivered, then the reading ends.
  virtual void finish() = 0;
};

/// Attempts of one replica that are read at most, the newest ones.
inline constexpr std::uint32_t kMostAttemptsRead = 100;

class LogStore {
 public:
  virtual ~LogStore() = default;
  /// `deliver` gets batches of at most 64 KiB and never more bytes than were granted (session_bytes counts
  /// them).
  virtual std::unique_ptr<LogReading> open(LogRequest request, std::function<void(LogBatch)> deliver) = 0;
};

}  // namespace cloudless::runtime
