// The part of a score that differs from node to node and is no column of a block: wished attributes, own
// replicas on the node, preferred company on the node, and the GPU term. Once for a block, and once for one
// node.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/scheduler/engine/cluster.hpp"
#include "actors/scheduler/engine/kernel.hpp"

namespace cloudless::scheduler::engine {

class NodePoints {
 public:
  void begin(const ClassSpec& spec);
  /// Forgets what was worked out about GPUs: of all nodes, or of one.
  void forget(std::uint32_t slots);
  void forget_node(Slot slot);

  /// False: no node has any now, so that blocks need not be asked one by one.
  bool any(const Cluster& cluster) const;
  /// Adds what the block's nodes have; only lanes in `lanes` matter.
  void of_block(const Cluster& cluster, std::uint32_t block, std::uint64_t lanes, BlockPoints& points);
  std::int32_t of_node(const Cluster& cluster, Slot slot);

  std::size_t bytes() const;

 private:
  std::int32_t gpu_points(const Cluster& cluster, Slot slot);

  const ClassSpec* spec_ = nullptr;
  std::vector<Wish> wishes_;             // the image among them
  std::vector<Preference> preferences_;  // over nodes
  std::vector<std::int16_t> gpu_terms_;  // per slot, kUnknown until asked for; empty without GPUs
  std::int32_t utilization_ = 0;
};

}  // namespace cloudless::scheduler::engine
