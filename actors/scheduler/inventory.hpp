// What nodes have and what is reserved on them: the scheduler's view, kept up to date commit by commit. Pure.
// Always: reserved is the sum of the requests of every replica on the node that is not terminal, stopping
// ones included.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "messages/domain/record.hpp"
#include "messages/domain/resources.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::scheduler {

/// A port of a node that one replica alone can have.
using HostPort = std::pair<Protocol, std::uint16_t>;

struct NodeRoom {
  std::shared_ptr<const Node> node;  ///< null while a replica names a node that is gone
  Resources reserved;
  /// Ports that replicas on it asked for by number, stopping ones included, and how many did.
  std::map<HostPort, std::uint32_t> host_ports;
  std::map<WorkloadUid, std::uint32_t> replicas;  ///< of a workload, without those that are told to stop

  Resources free() const { return node->description.allocatable - reserved; }
};

class Inventory {
 public:
  void load(const Snapshot& view);
  /// `after` has this commit applied; it may have later ones too.
  void apply(const Commit& commit, const Snapshot& after);

  /// Nodes that exist, and their room.
  const std::map<NodeId, NodeRoom>& nodes() const { return nodes_; }
  /// Replicas that want a node.
  const std::map<ReplicaSlot, std::shared_ptr<const Replica>>& pending() const { return pending_; }

 private:
  struct Held {
    NodeId node;
    Resources requests;
    std::vector<HostPort> host_ports;
    bool counted = false;  // in NodeRoom::replicas
  };
  void put(const std::shared_ptr<const Replica>& replica, const Snapshot& view);
  void drop(const ReplicaSlot& slot);
  void drop_empty(const NodeId& id);

  std::map<NodeId, NodeRoom> nodes_;
  std::map<ReplicaSlot, Held> held_;
  std::map<ReplicaSlot, std::shared_ptr<const Replica>> pending_;
};

/// What a replica reserves: its version's requests.
Resources requests_of(const Snapshot& view, const Replica& replica);
/// The ports of its node that a replica wants by number: host ports that are not chosen there, and all of its
/// ports when it is to share the node's network.
std::vector<HostPort> host_ports_of(const Snapshot& view, const Replica& replica);

}  // namespace cloudless::scheduler
