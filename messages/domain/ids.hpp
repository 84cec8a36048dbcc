// Strong names for things, so that a node's name is never taken for a replica's.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace cloudless {

template <class Tag>
struct Id {
  std::string value;
  Id() = default;
  explicit Id(std::string v) : value(std::move(v)) {}
  bool empty() const { return value.empty(); }
  auto operator<=>(const Id&) const = default;
};

/// Unique for ever, made by workload_state: 10 lower-case hexadecimal digits.
using WorkloadUid = Id<struct WorkloadUidTag>;
/// "<name>-<uid>-<ordinal>"; never used again.
using ReplicaId = Id<struct ReplicaIdTag>;
/// The node's configured name, a DNS subdomain of 1-63 characters.
using NodeId = Id<struct NodeIdTag>;
/// Id of a container in containerd, 1-76 characters: one per attempt of a replica.
using ContainerId = Id<struct ContainerIdTag>;
/// One log or exec session between a client's gateway and an agent; random.
using SessionId = Id<struct SessionIdTag>;

/// Position in the store: commit number R made this. 0 is before the first.
using Revision = std::uint64_t;

}  // namespace cloudless

template <class Tag>
struct std::hash<cloudless::Id<Tag>> {
  std::size_t operator()(const cloudless::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.value);
  }
};
