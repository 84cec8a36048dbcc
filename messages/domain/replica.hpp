// A replica: it is born, runs on one node, and dies once. Its state is a clock that only moves forward.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/domain/ids.hpp"
#include "messages/domain/probe_status.hpp"
#include "messages/domain/rare.hpp"
#include "messages/domain/time.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless {

/// Within an attempt only moves down this list; (attempt, phase) only grows. backoff ends an attempt: the
/// next phase is preparing of attempt + 1, or a terminal one. The values are stored and sent: never renumber.
enum class Phase : std::uint8_t {
  pending = 1,
  assigned = 2,
  preparing = 3,
  starting = 4,
  running = 5,
  stopping = 6,
  backoff = 7,
  succeeded = 8,
  failed = 9,
  stopped = 10,
  lost = 11,
};

constexpr bool is_terminal(Phase p) {
  return p >= Phase::succeeded;
}
const char* to_string(Phase phase);

/// Why a replica is told to stop. Everything but node_lost and deleted is voluntary and under the
/// availability floor.
enum class StopCause : std::uint8_t {
  none = 0,
  rollout = 1,    ///< replaced by a newer version
  scale = 2,      ///< fewer are wanted
  deleted = 3,    ///< its workload is deleted; floor 0
  node_lost = 4,  ///< its node is OFFLINE and a replacement starts
  recreate = 5,   ///< strategy RECREATE; floor 0
  drain = 6,      ///< its node is drained
  preempted = 7,  ///< its place is for a replica of higher priority
  taint = 8,      ///< its node has a NO_EXECUTE taint that it does not tolerate, or not for so long
  rebalance = 9,  ///< a better place is free, and somebody asked for it
};
const char* to_string(StopCause cause);

/// A port of a replica that its node hands on.
struct PublishedPort {
  std::string name;  ///< as in the workload's port
  Protocol protocol = Protocol::tcp;
  std::uint16_t container_port = 0;
  std::uint16_t host_port = 0;  ///< on the node; never 0
  bool operator==(const PublishedPort&) const = default;
};

/// Record "replica/<id>". Owner: workload_state. There are very many: fields stand in order of their size,
/// and those that most replicas leave empty are Rare.
struct Replica {
  ReplicaId id;
  WorkloadUid workload;
  std::uint64_t ordinal = 0;
  NodeId node;  ///< empty while pending
  ContainerId container;
  std::string address;
  std::string image_digest;  ///< of the bytes that its container is made of; empty before that is known
  std::uint64_t version = 1;
  /// The node's incarnation that the last accepted report came from; older reports are stale.
  std::uint64_t node_incarnation = 0;
  /// Sequence of the last accepted report within that incarnation.
  std::uint64_t report_sequence = 0;
  WallMillis created_at = 0;
  WallMillis started_at = 0;
  // Store time (messages/domain/store_clock.hpp); 0: not yet.
  Millis running_at = 0;      ///< ran for the first time
  Millis ready_at = 0;        ///< ready without a break since; 0 while it is not
  Millis first_ready_at = 0;  ///< was ready for the first time
  Millis withdrawn_at = 0;
  Millis ended_at = 0;  ///< when it became terminal

  Rare<std::string> reason;  ///< why it is where it is, in words; while pending: what is short
  Rare<std::vector<PublishedPort>> published_ports;
  Rare<std::vector<ProbeStatus>> probes;  ///< of the container that runs; at most one per kind
  Rare<std::string> last_end;  ///< how the last attempt that ended ended, in words; empty while none did
  Rare<std::vector<std::uint8_t>> gpus;  ///< indices of the node's GPUs that it has; of a share: one
  Rare<ReplicaId> preempted_for;         ///< with stop or withdrawn preempted: whose place this will be

  std::optional<std::int32_t> exit_code;
  std::uint32_t attempt = 0;
  Phase phase = Phase::pending;
  StopCause stop = StopCause::none;  ///< anything but none: on its way out
  /// Told to stop once everybody who sends requests knows that it no longer serves: serving is false already
  /// and it counts as stopping.
  StopCause withdrawn = StopCause::none;
  /// Anything but none: it is to be replaced elsewhere as soon as its workload's availability allows.
  StopCause evict = StopCause::none;
  bool ready = false;
  bool serving = true;
  bool was_ready = false;  ///< at some time in this attempt

  bool is_leaving() const { return stop != StopCause::none || withdrawn != StopCause::none; }
  bool stop_requested() const { return stop != StopCause::none; }
  bool operator==(const Replica&) const = default;
};

}  // namespace cloudless
