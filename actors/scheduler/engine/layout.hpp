// Where nodes stand: blocks of 64 slots, each of one zone, in the order of node indices. Runs of up to 64
// blocks of a zone are its segments: zone and region terms of a score are the same for a whole segment. A
// node that comes last in its zone is appended; anything else leaves the layout disordered until it is laid
// out anew.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/scheduler/engine/block.hpp"
#include "actors/scheduler/engine/class_spec.hpp"

namespace cloudless::scheduler::engine {

struct Segment {
  std::uint32_t first_block, blocks;
  ZoneIndex zone;
};

class Layout {
 public:
  ZoneIndex add_zone(RegionIndex region);

  /// Gives a node that has no slot one in the zone; true if a block was added.
  bool append(NodeIndex node, ZoneIndex zone);
  /// A node with a slot is in another zone from now on; its slot changes with the next order().
  void change_zone(NodeIndex node, ZoneIndex zone);
  void remove(NodeIndex node);

  /// True if slots are not in order, or if segments or slots that nodes have left have become too many.
  bool disordered() const {
    return disordered_ || segments_.size() > 2 * least_segments() + 16 || holes_ > nodes_.size() / 2 + 1024;
  }
  /// Lays all nodes out anew. The answer says where each old slot went; kNoSlot: it held no node.
  std::vector<Slot> order();

  Slot slot_of(NodeIndex node) const { return node < slots_.size() ? slots_[node] : kNoSlot; }
  NodeIndex node_of(Slot slot) const { return nodes_[slot]; }
  ZoneIndex zone_of(NodeIndex node) const { return zone_of_node_[node]; }
  RegionIndex region_of(ZoneIndex zone) const { return zones_[zone].region; }
  std::uint32_t segment_of(std::uint32_t block) const { return segment_of_block_[block]; }
  const std::vector<Segment>& segments() const { return segments_; }
  std::uint32_t blocks() const { return static_cast<std::uint32_t>(segment_of_block_.size()); }
  std::uint32_t zones() const { return static_cast<std::uint32_t>(zones_.size()); }
  std::uint32_t regions() const { return regions_; }
  std::uint32_t nodes() const { return static_cast<std::uint32_t>(slots_.size()); }
  std::size_t bytes() const;

 private:
  struct Zone {
    RegionIndex region;
    Slot next = kNoSlot;  // the next free one in its last block
    NodeIndex last = 0;   // the highest that was appended
    bool used = false;
  };
  std::size_t least_segments() const;
  void add_block(ZoneIndex zone);

  std::vector<Slot> slots_;              // per node
  std::vector<ZoneIndex> zone_of_node_;  // per node
  std::vector<NodeIndex> nodes_;         // per slot
  std::vector<std::uint32_t> segment_of_block_;
  std::vector<Segment> segments_;
  std::vector<Zone> zones_;
  std::uint32_t regions_ = 0;
  std::uint32_t holes_ = 0;
  bool disordered_ = false;
};

}  // namespace cloudless::scheduler::engine
