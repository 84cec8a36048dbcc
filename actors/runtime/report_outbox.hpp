// The reports that the control plane has not acknowledged yet: the newest state of each replica, its
// sequence, and when to repeat it. Pure; the supervisor sends what is due.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "messages/domain/observation.hpp"

namespace cloudless::runtime {

class ReportOutbox {
 public:
  /// Reports that are not acknowledged are repeated after this long.
  static constexpr Millis kRepeat = 2000;
  /// Replicas in one NodeReport.
  static constexpr std::size_t kBatch = 100;

  /// PREPARING and STARTING are told only if they last this long: most replicas run before, and every report
  /// is a commit.
  static constexpr Millis kSettle = 250;

  /// Within a phase of an attempt (a replica that flips between ready and not) there is one report in this
  /// long; the first change is told at once.
  static constexpr Millis kChangePause = 1000;

  explicit ReportOutbox(NodeId node) : node_(std::move(node)) {}

  /// The replica's state; a new sequence if it differs from the last.
  void put(ReplicaReport report, Millis now);
  void forget(const ReplicaId& replica);
  /// A new connection or incarnation: everything is reported afresh, also what was acknowledged.
  void link_up(std::uint64_t incarnation);
  void link_down();
  void acknowledge(const ReportAck& ack);

  /// What to send now; empty while there is no link.
  std::vector<NodeReport> take_due(Millis now);
  /// When take_due has something again; absent: nothing is waiting.
  std::optional<Millis> next_due() const;
  /// The newest state of this replica was acknowledged within this incarnation.
  bool acknowledged(const ReplicaId& replica) const;

 private:
  struct Entry {
    ReplicaReport report;
    bool acknowledged = false;
    Millis due = 0;
    bool changed = false;        ///< it differs from an earlier one of the same phase
    std::optional<Millis> told;  ///< when the last such change was sent
  };

  NodeId node_;
  std::uint64_t incarnation_ = 0;
  bool linked_ = false;
  std::uint64_t last_sequence_ = 0;
  std::map<ReplicaId, Entry> entries_;
};

}  // namespace cloudless::runtime
