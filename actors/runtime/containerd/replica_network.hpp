// A container's network from its first thought to its last trace: address, published ports, the files that go
// with them, and what the kernel is told about it. Containers calls grant before it creates, attach between
// create and start, detach and release when it removes; the answer to "what does it have" is in the
// container's labels. Thread-safe, blocking.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/runtime/containerd/cni_chain.hpp"
#include "actors/runtime/containerd/host_ports.hpp"
#include "actors/runtime/containerd/network.hpp"
#include "actors/runtime/containerd/network_files.hpp"
#include "actors/runtime/containerd/network_namespace.hpp"
#include "actors/runtime/containerd/nft_table.hpp"
#include "actors/runtime/containerd/oci_mounts.hpp"
#include "actors/runtime/containerd/options.hpp"
#include "actors/runtime/containerd/port_rules.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::runtime {

/// What a container has on the network.
struct NetworkGrant {
  std::string address;  ///< IPv4
  std::vector<PublishedPort> ports;
  bool of_node = false;  ///< it shares the node's network
  bool operator==(const NetworkGrant&) const = default;
};

/// As labels of the container, and back; what is not there is empty.
std::map<std::string, std::string> to_labels(const NetworkGrant& grant);
NetworkGrant grant_of(const std::map<std::string, std::string>& labels);

class ReplicaNetwork {
 public:
  /// `scope`: containerd's namespace, which is this agent's alone. INVALID_ARGUMENT, naming the setting, when
  /// the options cannot work.
  static Result<std::unique_ptr<ReplicaNetwork>> make(const ContainerdOptions& options,
                                                      const std::string& scope);

  /// Takes over what was granted before a restart, removes what a crash left of ours, and puts the rules in
  /// force.
  Result<Nothing> ensure_ready(const std::map<ContainerId, NetworkGrant>& existing);
  /// Before the container is made; its files are there afterwards. The reason is clear to people:
  /// FAILED_PRECONDITION for a port that is taken, RESOURCE_EXHAUSTED. Who may have the node's own network is
  /// confinement's business.
  Result<NetworkGrant> grant(const ContainerRequest& request);
  /// Begins to make the network of a container that was granted one, if that has not begun. Returns the
  /// path of the namespace for the container to join; empty: it gets one from the runtime, or the node's.
  std::string prepare(const ContainerId& container);
  /// Waits for what was begun: before the task is made, which joins it.
  Result<Nothing> finish(const ContainerId& container);
  /// What the container is to see of its files.
  std::vector<SpecMount> mounts(const ContainerId& container) const;
  /// Between a task's create and start; what it has from now on. Lets go of what was prepared: the task has
  /// joined it.
  Result<NetworkGrant> attach(const ContainerRequest& request, std::uint32_t pid);
  /// What a container has; empty for one that is not known.
  NetworkGrant known(const ContainerId& container);
  /// The node's end of its link, whose counters are the container's; with plugins of CNI nobody has it.
  std::string link_name(const ContainerId& container) const { return network_.link_name(container); }
  /// When its processes are gone. Succeeds if there is nothing.
  Result<Nothing> detach(const ContainerId& container);
  /// When its record is gone: address, ports and files are free.
  void release(const ContainerId& container);
  /// Puts the rules in force again if somebody removed them.
  void repair();
  /// Removes everything of this agent from the kernel.
  Result<Nothing> remove_everything();

 private:
  ReplicaNetwork(const ContainerdOptions& options, const std::string& scope, Subnet subnet, PortRange range,
                 std::vector<Ipv4> publish_on, std::unique_ptr<CniChain> chain);

  Result<Nothing> ready_on_bridge(const std::map<ContainerId, NetworkGrant>& existing);
  Result<Nothing> ready_in_chain(const std::map<ContainerId, NetworkGrant>& existing);
  Result<NetworkGrant> grant_on_bridge(const ContainerRequest& request);
  Result<NetworkGrant> grant_in_chain(const ContainerRequest& request);
  Result<NetworkGrant> grant_of_node(const ContainerRequest& request);
  Result<NetworkGrant> attach_in_chain(const ContainerRequest& request, std::uint32_t pid,
                                       NetworkGrant grant);
  void let_go(const ContainerId& container);
  Result<Ipv4> take_address(const ContainerId& container);
  Result<Nothing> forward(const ContainerId& container, Ipv4 address,
                          const std::vector<PublishedPort>& ports);
  void stop_forwarding(const ContainerId& container);
  /// The whole table as it should be.
  Result<Nothing> write_table();

  const Subnet subnet_;
  const PortRules rules_;
  Network network_;
  NetworkFiles files_;
  HostPorts ports_;
  NftTable table_;
  const std::unique_ptr<CniChain> chain_;  ///< null: the bridge

  std::mutex mutex_;  ///< of what follows
  std::map<ContainerId, NetworkGrant> grants_;
  std::map<ContainerId, std::shared_ptr<NetworkNamespace>> prepared_;  ///< of those that are being started
  std::set<Ipv4> own_addresses_;
  std::mutex rules_mutex_;  ///< of what follows and of the order of transactions
  std::map<ContainerId, std::vector<ForwardedPort>> forwarded_;
};

}  // namespace cloudless::runtime
