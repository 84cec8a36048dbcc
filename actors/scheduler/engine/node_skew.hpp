// The rare spread over single nodes with a hard limit: how many nodes of a class hold how many of its
// replicas, so that the least is known without a look at all nodes.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/scheduler/engine/block.hpp"

namespace cloudless::scheduler::engine {

class NodeSkew {
 public:
  void clear(std::uint32_t slots) {
    counts_.assign(slots, kNotOurs);
    nodes_with_.clear();
    least_ = 0;
  }
  /// The node counts for the class (or not any more) and holds so many. True if that changed the least.
  bool update(Slot slot, bool ours, std::uint32_t holds) {
    std::uint32_t& known = counts_[slot];
    const std::uint32_t now = ours ? holds : kNotOurs;
    if (known == now) return false;
    if (known != kNotOurs) --nodes_with_[known];
    if (now != kNotOurs) {
      if (nodes_with_.size() <= now) nodes_with_.resize(now + 1, 0);
      ++nodes_with_[now];
    }
    known = now;
    std::uint32_t least = 0;
    while (least < nodes_with_.size() && nodes_with_[least] == 0) ++least;
    if (least == nodes_with_.size()) least = 0;
    const bool differs = least != least_;
    least_ = least;
    return differs;
  }
  std::uint32_t least() const { return least_; }
  std::size_t bytes() const { return (counts_.capacity() + nodes_with_.capacity()) * 4; }

 private:
  static constexpr std::uint32_t kNotOurs = 0xFFFF'FFFF;
  std::vector<std::uint32_t> counts_;      // per slot
  std::vector<std::uint32_t> nodes_with_;  // per count
  std::uint32_t least_ = 0;
};

}  // namespace cloudless::scheduler::engine
