// Gives a replica its address: a veth pair, one end in the replica's network namespace, the other on the
// node's bridge, through rtnetlink. Host and replica reach each other directly. Every function blocks for
// about a millisecond and may be called from several threads. Nothing is remembered here: what exists is read
// from the kernel.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "actors/runtime/containerd/subnet.hpp"
#include "actors/runtime/runtime_port.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::runtime {

class Network {
 public:
  /// `bridge`: name of the device, at most 15 characters. `scope` tells apart agents of one machine
  /// (containerd's namespace).
  Network(std::string bridge, Subnet subnet, std::string scope);

  /// Makes the bridge if it is not there; its MAC address is fixed, because a bridge that takes over its
  /// ports' addresses breaks the neighbour tables of replicas.
  Result<Nothing> ensure_bridge();
  /// Between a task's create and start: eth0 with `address`, lo and the default route in the namespace of
  /// process `pid`.
  Result<Nothing> attach(const ContainerId& container, std::uint32_t pid, Ipv4 address);
  /// Succeeds if there is nothing.
  Result<Nothing> detach(const ContainerId& container);
  /// Deletes links on our bridge that belong to none of `keep`: left by a crash.
  Result<Nothing> detach_all_except(const std::set<ContainerId>& keep);
  /// Deletes the bridge with everything on it.
  Result<Nothing> remove_bridge();

  /// Name of the host's end of a container's veth pair, 14 characters.
  std::string link_name(const ContainerId& container) const;

 private:
  Result<Nothing> configure_inside(int namespace_fd, Ipv4 address) const;

  std::string bridge_;
  Subnet subnet_;
  std::string scope_;
};

}  // namespace cloudless::runtime
