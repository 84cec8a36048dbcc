// What an agent says of its replicas; node_link hands it to workload_state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/domain/ids.hpp"
#include "messages/domain/replica.hpp"
#include "messages/domain/time.hpp"

namespace cloudless {

/// The whole state of one replica on its node. Repeats are harmless.
struct ReplicaReport {
  ReplicaId replica;
  std::uint64_t sequence =
      0;  ///< grows with each change on the agent, within an incarnation; older ones are stale
  std::uint32_t attempt = 0;
  Phase phase = Phase::assigned;
  bool ready = false;
  ContainerId container;
  std::string address;
  std::optional<std::int32_t> exit_code;
  std::string reason;
  WallMillis started_at = 0;
  std::vector<PublishedPort> published_ports;
  /// While PREPARING: what the tag stands for on this node, to be pinned before anything runs. Later: what
  /// the container is made of.
  std::string image_digest;
  std::vector<ProbeStatus> probes;  ///< of the container that runs
  std::string last_end;
  /// The agent was restarted and its probes have not answered yet: what was known of this attempt's readiness
  /// stays.
  bool undecided = false;
  bool operator==(const ReplicaReport&) const = default;
};

struct NodeReport {
  NodeId node;
  std::uint64_t incarnation = 0;
  std::vector<ReplicaReport> replicas;  ///< at most 100
  bool operator==(const NodeReport&) const = default;
};

/// What the owner did with a report; sent back so that the agent stops repeating.
struct ReportAck {
  struct Item {
    ReplicaId replica;
    std::uint64_t sequence = 0;
    bool operator==(const Item&) const = default;
  };
  std::uint64_t incarnation = 0;
  Revision revision = 0;    ///< at which all items are durable
  std::vector<Item> items;  ///< accepted, or refused for good (stale, unknown): either way, done
  bool operator==(const ReportAck&) const = default;
};

}  // namespace cloudless
