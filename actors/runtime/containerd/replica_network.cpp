#include "actors/runtime/containerd/replica_network.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "actors/runtime/containerd/flow_table.hpp"
#include "actors/runtime/containerd/oci_process.hpp"

namespace cloudless::runtime {
namespace {

constexpr char kAddressLabel[] = "cloudless.io/address";
constexpr char kPortsLabel[] = "cloudless.io/ports";
constexpr char kNetworkLabel[] = "cloudless.io/network";
constexpr char kOfNode[] = "node";

std::string value_of(const std::map<std::string, std::string>& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string{} : found->second;
}

std::vector<ForwardedPort> forwarded_ports(Ipv4 address, const std::vector<PublishedPort>& ports) {
  std::vector<ForwardedPort> out;
  for (const auto& port : ports) out.push_back({port.protocol, port.host_port, address, port.container_port});
  return out;
}

std::vector<std::uint16_t> udp_ports(const std::vector<ForwardedPort>& ports) {
  std::vector<std::uint16_t> out;
  for (const auto& port : ports)
    if (port.protocol == Protocol::udp) out.push_back(port.host_port);
  return out;
}

tl::unexpected<Error> wrong_setting(const char* name, const std::string& what) {
  return fail(Errc::invalid_argument, std::string(name) + ": " + what);
}

}  // namespace

std::map<std::string, std::string> to_labels(const NetworkGrant& grant) {
  std::map<std::string, std::string> out;
  if (!grant.address.empty()) out[kAddressLabel] = grant.address;
  if (!grant.ports.empty()) out[kPortsLabel] = to_label(grant.ports);
  if (grant.of_node) out[kNetworkLabel] = kOfNode;
  return out;
}

NetworkGrant grant_of(const std::map<std::string, std::string>& labels) {
  return {value_of(labels, kAddressLabel), parse_port_label(value_of(labels, kPortsLabel)),
          value_of(labels, kNetworkLabel) == kOfNode};
}

Result<std::unique_ptr<ReplicaNetwork>> ReplicaNetwork::make(const ContainerdOptions& options,
                                                             const std::string& scope) {
  const auto subnet = parse_subnet(options.subnet);
  if (!subnet) return wrong_setting("subnet", subnet.error().message);
  if (const auto wrong = bridge_name_error(options.bridge); !wrong.empty())
    return wrong_setting("bridge", wrong);
  const auto range = parse_port_range(options.network.port_range);
  if (!range) return wrong_setting("network.port_range", range.error().message);
  std::vector<Ipv4> publish_on;
  for (const auto& text : options.network.publish_on) {
    const auto address = parse_ipv4(text);
    if (!address) return wrong_setting("network.publish_on", address.error().message);
    publish_on.push_back(*address);
  }
  for (const auto& text : options.network.nameservers)
    if (auto address = parse_ipv4(text); !address)
      return wrong_setting("network.nameservers", address.error().message);
  std::unique_ptr<CniChain> chain;
  if (options.network.mode == NetworkMode::cni) {
    if (!publish_on.empty())
      return wrong_setting("network.publish_on",
                           "belongs to mode bridge; CNI plugins have settings of their own");
    auto made = CniChain::make(options.network.conf_dir, options.network.bin_dir, options.state_dir + "/cni");
    if (!made) return fail(made.error());
    chain = std::move(*made);
  }
  return std::unique_ptr<ReplicaNetwork>(
      new ReplicaNetwork(options, scope, *subnet, *range, std::move(publish_on), std::move(chain)));
}

ReplicaNetwork::ReplicaNetwork(const ContainerdOptions& options, const std::string& scope, Subnet subnet,
                               PortRange range, std::vector<Ipv4> publish_on, std::unique_ptr<CniChain> chain)
    : subnet_(subnet),
      rules_{scope, options.bridge, subnet, publish_on, options.network.direct_access},
      network_(options.bridge, subnet, scope),
      files_(options.state_dir + "/network",
             {options.network.nameservers, options.network.search, options.network.dns_options}),
      ports_(range, std::move(publish_on)),
      chain_(std::move(chain)) {}

Result<Nothing> ReplicaNetwork::ensure_ready(const std::map<ContainerId, NetworkGrant>& existing) {
  std::set<ContainerId> ours;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [container, grant] : existing) {
      ours.insert(container);
      if (!grants_.emplace(container, grant).second) continue;
      for (const auto& port : ports_.adopt(container, grant.ports, grant.of_node))
        spdlog::warn("port {} is published for container {}, but another program has bound it meanwhile",
                     port, container.value);
    }
  }
  files_.remove_all_except(ours);
  if (files_.resolver().nameservers.empty())
    spdlog::warn("this node has no name server that replicas can reach: set network.nameservers");
  return chain_ ? ready_in_chain(existing) : ready_on_bridge(existing);
}

Result<Nothing> ReplicaNetwork::ready_on_bridge(const std::map<ContainerId, NetworkGrant>& existing) {
  if (auto bridge = network_.ensure_bridge(); !bridge) return bridge;
  auto own = network_.machine_addresses();
  if (!own) return fail(own.error());
  std::set<ContainerId> ours;
  {
    const std::scoped_lock lock(mutex_, rules_mutex_);
    own_addresses_ = std::move(*own);
    for (const auto& [container, grant] : existing) {
      ours.insert(container);
      if (const auto address = parse_ipv4(grant.address); address && !grant.of_node && !grant.ports.empty())
        forwarded_[container] = forwarded_ports(*address, grant.ports);
    }
    if (auto written = write_table(); !written) return written;
  }
  if (auto strays = network_.detach_all_except(ours); !strays) return strays;
  if (auto plugged = network_.plug_in(ours); !plugged) return plugged;
  return network_.ensure_forwarding(publishes_on_loopback(rules_));
}

Result<Nothing> ReplicaNetwork::ready_in_chain(const std::map<ContainerId, NetworkGrant>& existing) {
  bool on_bridge = false;  // from before the setting was changed: they keep what they have
  for (const auto& [container, grant] : existing) {
    on_bridge = on_bridge || (!grant.of_node && !grant.address.empty());
    if (grant.of_node || !grant.address.empty()) continue;
    const auto known = chain_->known(container);
    if (!known) continue;  // its start was interrupted
    const std::lock_guard lock(mutex_);
    grants_[container].address = known->address;
    if (auto fine = chain_->check(container); !fine)
      spdlog::warn("the network of container {} is not as it was made: {}", container.value,
                   fine.error().message);
  }
  for (const auto& container : chain_->containers())
    if (!existing.contains(container))
      if (auto removed = chain_->remove(container); !removed)
        spdlog::warn("what a crash left of container {}: {}", container.value, removed.error().message);
  if (on_bridge) return Nothing{};
  if (auto gone = table_.run(render_deletion(rules_)); !gone) return gone;
  return network_.remove_bridge();
}

Result<NetworkGrant> ReplicaNetwork::grant(const ContainerRequest& request) {
  const bool of_node = request.assignment.pod.host_network;
  auto granted = of_node  ? grant_of_node(request)
                 : chain_ ? grant_in_chain(request)
                          : grant_on_bridge(request);
  if (granted) {
    const auto name = host_name(request.assignment.replica);
    auto written = of_node ? files_.write_on_node(request.container, name, granted->address)
                           : files_.write(request.container, name, granted->address);
    if (!written) granted = fail(written.error());
  }
  if (!granted) {
    release(request.container);
    return granted;
  }
  const std::lock_guard lock(mutex_);
  grants_[request.container] = *granted;
  return granted;
}

Result<NetworkGrant> ReplicaNetwork::grant_on_bridge(const ContainerRequest& request) {
  auto address = take_address(request.container);
  if (!address) return fail(address.error());
  auto ports = ports_.take(request.container, request.assignment.replica.value, request.assignment.pod.ports);
  if (!ports) return fail(ports.error());
  return NetworkGrant{to_string(*address), std::move(*ports), false};
}

Result<NetworkGrant> ReplicaNetwork::grant_in_chain(const ContainerRequest& request) {
  auto ports = ports_.take(request.container, request.assignment.replica.value, request.assignment.pod.ports);
  if (!ports) return fail(ports.error());
  if (!ports->empty() && !chain_->maps_ports())
    return fail(Errc::failed_precondition,
                "no CNI plugin of this node publishes ports (capability portMappings): leave host_port out");
  return NetworkGrant{{}, std::move(*ports), false};  // the plugins choose the address
}

Result<NetworkGrant> ReplicaNetwork::grant_of_node(const ContainerRequest& request) {
  auto ports = ports_.take_of_node(request.container, request.assignment.pod.ports);
  if (!ports) return fail(ports.error());
  return NetworkGrant{to_string(address_of_machine()), std::move(*ports), true};
}

Result<Ipv4> ReplicaNetwork::take_address(const ContainerId& container) {
  const std::lock_guard lock(mutex_);
  std::set<Ipv4> taken = own_addresses_;
  for (const auto& [id, grant] : grants_) {
    const auto address = parse_ipv4(grant.address);
    if (!address) continue;
    if (id == container && subnet_.contains(*address)) return *address;
    taken.insert(*address);
  }
  auto address = choose_address(subnet_, taken, container.value);
  if (address) grants_[container].address = to_string(*address);  // nobody else's from here on
  return address;
}

std::vector<SpecMount> ReplicaNetwork::mounts(const ContainerId& container) const {
  std::vector<SpecMount> out;
  // Read-only: they lie on the node's disk, which a container must not be able to fill.
  for (const char* name : {"hosts", "hostname", "resolv.conf"})
    out.push_back({std::string("/etc/") + name,
                   "bind",
                   files_.folder_of(container) + "/" + name,
                   {"bind", "ro", "nosuid", "nodev", "noexec"}});
  return out;
}

std::string ReplicaNetwork::prepare(const ContainerId& container) {
  const auto grant = known(container);
  const auto address = parse_ipv4(grant.address);
  if (grant.of_node || chain_ || !address) return {};
  {
    const std::lock_guard lock(mutex_);
    if (const auto begun = prepared_.find(container); begun != prepared_.end()) return begun->second->path();
  }
  auto made = std::make_shared<NetworkNamespace>([this, container, address = *address](const auto& enter) {
    return network_.furnish(container, address, enter);
  });
  const std::lock_guard lock(mutex_);
  prepared_[container] = made;
  return made->path();
}

Result<Nothing> ReplicaNetwork::finish(const ContainerId& container) {
  std::shared_ptr<NetworkNamespace> prepared;
  {
    const std::lock_guard lock(mutex_);
    const auto found = prepared_.find(container);
    if (found == prepared_.end()) return Nothing{};
    prepared = found->second;
  }
  return prepared->finish();
}

void ReplicaNetwork::let_go(const ContainerId& container) {
  std::map<ContainerId, std::shared_ptr<NetworkNamespace>>::node_type prepared;  // ends without the lock
  const std::lock_guard lock(mutex_);
  prepared = prepared_.extract(container);
}

NetworkGrant ReplicaNetwork::known(const ContainerId& container) {
  const std::lock_guard lock(mutex_);
  const auto found = grants_.find(container);
  return found == grants_.end() ? NetworkGrant{} : found->second;
}

Result<NetworkGrant> ReplicaNetwork::attach(const ContainerRequest& request, std::uint32_t pid) {
  const auto& container = request.container;
  auto grant = known(container);
  if (grant.of_node) return grant;
  if (chain_) return attach_in_chain(request, pid, std::move(grant));
  const auto address = parse_ipv4(grant.address);
  if (!address) return fail(Errc::internal, "network: no address was granted to " + container.value);
  let_go(container);
  if (auto forwarded = forward(container, *address, grant.ports); !forwarded) return fail(forwarded.error());
  return grant;
}

Result<NetworkGrant> ReplicaNetwork::attach_in_chain(const ContainerRequest& request, std::uint32_t pid,
                                                     NetworkGrant grant) {
  auto made = chain_->add(request.container, pid, grant.ports);
  if (!made) return fail(made.error());
  grant.address = made->address;
  auto written =
      files_.write(request.container, host_name(request.assignment.replica), grant.address, made->dns);
  if (!written) return fail(written.error());
  const std::lock_guard lock(mutex_);
  grants_[request.container].address = grant.address;
  return grant;
}

Result<Nothing> ReplicaNetwork::forward(const ContainerId& container, Ipv4 address,
                                        const std::vector<PublishedPort>& ports) {
  if (ports.empty()) return Nothing{};
  const auto forwarded = forwarded_ports(address, ports);
  {
    const std::lock_guard lock(rules_mutex_);
    forwarded_[container] = forwarded;
    if (auto added = table_.run(render_addition(rules_, forwarded)); !added)
      if (auto written = write_table(); !written) return written;
  }
  // Clients may have been sending before the port led anywhere.
  if (const auto udp = udp_ports(forwarded); !udp.empty())
    forget_udp_flows_to(network_.machine_addresses().value_or(std::set<Ipv4>{}), udp);
  return Nothing{};
}

void ReplicaNetwork::stop_forwarding(const ContainerId& container) {
  std::vector<ForwardedPort> ports;
  {
    const std::lock_guard lock(rules_mutex_);
    const auto found = forwarded_.find(container);
    if (found == forwarded_.end()) return;
    ports = std::move(found->second);
    forwarded_.erase(found);
    if (auto removed = table_.run(render_removal(rules_, ports)); !removed)
      if (auto written = write_table(); !written) spdlog::warn("{}", written.error().message);
  }
  if (!ports.empty() && !udp_ports(ports).empty()) forget_udp_flows_from(ports.front().address);
}

Result<Nothing> ReplicaNetwork::detach(const ContainerId& container) {
  stop_forwarding(container);
  (void)finish(container);  // or its link would come after this
  if (chain_)
    if (auto removed = chain_->remove(container); !removed) return removed;
  return network_.detach(container);
}

void ReplicaNetwork::release(const ContainerId& container) {
  let_go(container);
  files_.remove(container);
  ports_.release(container);
  const std::lock_guard lock(mutex_);
  grants_.erase(container);
}

Result<Nothing> ReplicaNetwork::write_table() {
  std::vector<ForwardedPort> all;
  for (const auto& [container, ports] : forwarded_) all.insert(all.end(), ports.begin(), ports.end());
  return table_.run(render_table(rules_, all));
}

void ReplicaNetwork::repair() {
  if (chain_) return;
  const auto repaired = [&]() -> Result<Nothing> {
    const std::scoped_lock lock(mutex_, rules_mutex_);
    if (!network_.has_bridge()) {
      spdlog::warn("bridge {} is gone and is made again: did somebody delete it?", rules_.bridge);
      if (auto bridge = network_.ensure_bridge(); !bridge) return bridge;
      std::set<ContainerId> ours;
      for (const auto& [container, grant] : grants_) ours.insert(container);
      if (auto plugged = network_.plug_in(ours); !plugged) return plugged;
      if (auto on = network_.ensure_forwarding(publishes_on_loopback(rules_)); !on) return on;
    }
    if (table_.exists(rules_.table)) return Nothing{};
    spdlog::warn(
        "the packet rules of this agent are gone and are made again: did somebody flush the rule set?");
    return write_table();
  }();
  if (!repaired) spdlog::warn("{}", repaired.error().message);
}

Result<Nothing> ReplicaNetwork::remove_everything() {
  if (chain_)
    for (const auto& container : chain_->containers())
      if (auto removed = chain_->remove(container); !removed) return removed;
  if (auto gone = table_.run(render_deletion(rules_)); !gone) return gone;
  files_.remove_all_except({});
  return network_.remove_bridge();
}

}  // namespace cloudless::runtime
