// What people are told of a replica that something waits for: status, rollouts and drains say it in the same
// words. Pure.
#pragma once

#include <memory>
#include <string>

#include "messages/domain/snapshot.hpp"

namespace cloudless::workload_state {

/// "1 replica", "2 replicas".
std::string plural(std::uint32_t n, const std::string& one);
/// "41 s", "5 min", "3 h"; never negative.
std::string duration_words(Millis duration);
/// " for 41 s"; empty if that is not known.
std::string lasting(WallMillis since, WallMillis now);

/// It runs, or has its place, and is not ready: "replica x is PENDING: no node has room". `now` 0: without
/// how long.
std::string replica_words(const Replica& replica, const Snapshot& snapshot, WallMillis now);

/// Why a replica that runs is not ready, as its probes say: "HTTP 503 from /ready for 41 s"; empty if they
/// have said nothing.
std::string probe_words(const Replica& replica, WallMillis now);

/// Of a replica that waits for its node, and its node knows why, and nothing else does: with that reason.
std::shared_ptr<const Replica> explained(const std::shared_ptr<const Replica>& replica,
                                         const Snapshot& snapshot);

}  // namespace cloudless::workload_state
