// The kernel's table of flows (conntrack), as far as published UDP ports need it: a flow remembers where its
// first packet went, and a client that keeps sending would go on reaching a replica that is gone, or none.
// Blocking; may be called from several threads.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "actors/runtime/containerd/subnet.hpp"

namespace cloudless::runtime {

// Failure only means that old flows end later, after half a minute of silence: it is logged.

/// Forgets UDP flows that are answered from this address: of a replica that is gone.
void forget_udp_flows_from(Ipv4 address);
/// Forgets UDP flows to these ports of these addresses (of the node) and of loopback.
void forget_udp_flows_to(const std::set<Ipv4>& addresses, const std::vector<std::uint16_t>& ports);

}  // namespace cloudless::runtime
