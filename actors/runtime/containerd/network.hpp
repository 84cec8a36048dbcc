// Gives a replica its address: a veth pair, one end in the replica's network namespace, the other on the
// node's bridge, through rtnetlink. Host and replica reach each other directly. Every function blocks for
// about a millisecond and may be called from several threads. Nothing is remembered here: what exists is read
// from the kernel.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "actors/runtime/containerd/subnet.hpp"
#include "actors/runtime/runtime_port.hpp"
#include "messages/domain/error.hpp"

struct nl_sock;

namespace cloudless::runtime {

class Network {
 public:
  /// `bridge`: name of the device, at most 15 characters. `scope` tells apart agents of one machine
  /// (containerd's namespace).
  Network(std::string bridge, Subnet subnet, std::string scope);

  /// Makes the bridge if it is not there, and gives it the range's first address; its MAC address is fixed,
  /// because a bridge that takes over its ports' addresses breaks the neighbour tables of replicas.
  /// FAILED_PRECONDITION when a device of that name is no bridge, or another device has an address of the
  /// range.
  Result<Nothing> ensure_bridge();
  /// Addresses that this machine has itself.
  Result<std::set<Ipv4>> machine_addresses() const;
  /// Lets packets through: forwarding for the machine (net.ipv4.ip_forward), nothing else. With `loopback`
  /// also from the machine's loopback addresses to replicas (route_localnet, on the bridge alone).
  Result<Nothing> ensure_forwarding(bool loopback) const;
  /// Between a task's create and start, where the runtime made the namespace: eth0 with `address`, lo and the
  /// default route in the namespace of process `pid`.
  Result<Nothing> attach(const ContainerId& container, std::uint32_t pid, Ipv4 address);
  /// The same in a namespace that is made for it, before there is a process: for NetworkNamespace.
  Result<Nothing> furnish(const ContainerId& container, Ipv4 address,
                          const std::function<Result<int>()>& enter);
  /// Succeeds if there is nothing.
  Result<Nothing> detach(const ContainerId& container);
  /// Connects the links of these containers to the bridge again where somebody took them off, or took it
  /// away.
  Result<Nothing> plug_in(const std::set<ContainerId>& containers);
  bool has_bridge() const;
  /// Deletes links on our bridge that belong to none of `keep`: left by a crash.
  Result<Nothing> detach_all_except(const std::set<ContainerId>& keep);
  /// Deletes the bridge with everything on it.
  Result<Nothing> remove_bridge();

  /// Name of the host's end of a container's veth pair, 14 characters.
  std::string link_name(const ContainerId& container) const;

 private:
  Result<Nothing> make_bridge();
  /// Both ends of the container's link, the inner one in that namespace.
  static Result<Nothing> make_link(nl_sock* socket, const std::string& name, int bridge, int namespace_fd,
                                   Ipv4 address);
  /// In the namespace that this thread is in.
  Result<Nothing> configure_inside(Ipv4 address) const;

  std::string bridge_;
  Subnet subnet_;
  std::string scope_;
};

/// The address that this machine speaks to others from: that of its default route; 127.0.0.1 without one.
Ipv4 address_of_machine();

}  // namespace cloudless::runtime
