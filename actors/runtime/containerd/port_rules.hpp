// The node's packet rules for replicas, as text that nftables' library carries out: published ports,
// masquerade for what leaves, and what may not come in. Pure rendering; nft_table.hpp runs it. One table per
// agent, named like its containerd namespace; a change is one transaction; the number of rules never grows
// with the number of containers, because ports are elements of two maps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/runtime/containerd/subnet.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::runtime {

/// A port of the node that is handed on to a replica.
struct ForwardedPort {
  Protocol protocol = Protocol::tcp;
  std::uint16_t host_port = 0;
  Ipv4 address = 0;
  std::uint16_t container_port = 0;
  bool operator==(const ForwardedPort&) const = default;
};

struct PortRules {
  std::string table;   ///< letters, digits, '-' and '.', beginning with a letter
  std::string bridge;  ///< checked by bridge_name_error
  Subnet subnet;
  /// Addresses of the node on which ports are published; empty: all that the node has, loopback too.
  std::vector<Ipv4> publish_on;
  /// Other machines may reach replicas at their own addresses, not only through published ports.
  bool direct_access = false;
};

/// The whole table, replacing what is there in one transaction.
std::string render_table(const PortRules& rules, const std::vector<ForwardedPort>& ports);
/// Adds these to the maps; fails as a whole if one is there already or the table is not. Empty for no ports.
std::string render_addition(const PortRules& rules, const std::vector<ForwardedPort>& ports);
/// Takes these from the maps; fails as a whole if one is not there. Empty for no ports.
std::string render_removal(const PortRules& rules, const std::vector<ForwardedPort>& ports);
/// Deletes the table, also if there is none.
std::string render_deletion(const PortRules& rules);

/// Whether ports are published on the node's loopback addresses.
bool publishes_on_loopback(const PortRules& rules);

/// What is wrong with a bridge's name; empty: nothing. A device's name has 1-15 characters, and not every
/// one.
std::string bridge_name_error(const std::string& name);

}  // namespace cloudless::runtime
