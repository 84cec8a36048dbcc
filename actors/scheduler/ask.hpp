// What a version of a workload asks of a node, in the units that decisions are made in. Pure. Requests are
// rounded up and what a node has is rounded down, so that what is decided here also fits to the byte.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "actors/scheduler/engine/gpu.hpp"
#include "messages/domain/node.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::scheduler {

/// A port of a node that one replica alone can have.
using HostPort = std::pair<Protocol, std::uint16_t>;

struct Ask {
  std::shared_ptr<const Template> pod;  ///< never null
  engine::Amounts amounts;              ///< millicores, MiB, MiB, kbit/s, GPUs or a share of one
  /// By number: host ports that are not chosen on the node, and all ports in the node's network.
  std::vector<HostPort> host_ports;
  bool guards = false;  ///< has a required anti-affinity towards workloads
};

Ask ask_of(std::shared_ptr<const Template> pod);

/// Rounded up to MiB and kbit/s.
engine::Amounts requested(const Resources& requests);
/// Rounded down; GPUs as whole ones, at most engine::kMaxGpus.
engine::Amounts offered(const NodeDescription& node);

}  // namespace cloudless::scheduler
