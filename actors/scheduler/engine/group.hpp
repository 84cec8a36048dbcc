// How many replicas of a group are on each node, in each zone and region. Counts per node are kept as binary
// digits, one NodeSet per digit: most nodes hold none or one, so a group is a few words however large the
// cluster, and "which nodes of this block hold any" is an OR.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "actors/scheduler/engine/class_spec.hpp"
#include "actors/scheduler/engine/node_set.hpp"

namespace cloudless::scheduler::engine {

/// A place in the cluster, as far as counting goes.
struct Place {
  Slot slot;
  ZoneIndex zone;
  RegionIndex region;
};

class Group {
 public:
  void add(const Place& place, std::uint32_t blocks);
  /// Nothing happens where none is.
  void remove(const Place& place, std::uint32_t blocks);

  std::uint32_t total() const { return total_; }
  std::uint32_t on_node(Slot slot) const;
  std::uint32_t in_zone(ZoneIndex zone) const { return zone < zones_.size() ? zones_[zone] : 0; }
  std::uint32_t in_region(RegionIndex region) const {
    return region < regions_.size() ? regions_[region] : 0;
  }

  bool any_on(Slot slot) const;
  /// The lanes that hold any.
  std::uint64_t word(std::uint32_t block) const;
  const std::vector<NodeSet>& digits() const { return digits_; }

  /// After slots moved or zones of nodes changed: `place_of` says where each new slot is.
  template <class PlaceOf>
  void move(std::span<const Slot> moved, std::uint32_t blocks, PlaceOf place_of);

  std::size_t bytes() const;

 private:
  void count_domains(const Place& place, std::int32_t replicas);

  std::vector<NodeSet> digits_;  // lowest first
  std::vector<std::uint32_t> zones_, regions_;
  std::uint32_t total_ = 0;
};

template <class PlaceOf>
void Group::move(std::span<const Slot> moved, std::uint32_t blocks, PlaceOf place_of) {
  for (NodeSet& digit : digits_) digit.move(moved, blocks);
  zones_.clear();
  regions_.clear();
  total_ = 0;
  for (std::size_t i = 0; i < digits_.size(); ++i) {
    digits_[i].for_each_word([&](std::uint32_t block, std::uint64_t word) {
      for (; word != 0; word &= word - 1)
        count_domains(place_of(block * kLanes + static_cast<std::uint32_t>(std::countr_zero(word))), 1 << i);
    });
  }
}

}  // namespace cloudless::scheduler::engine
