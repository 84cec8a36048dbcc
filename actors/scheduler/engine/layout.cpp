#include "actors/scheduler/engine/layout.hpp"

#include <algorithm>

namespace cloudless::scheduler::engine {

namespace {
constexpr std::uint32_t kBlocksPerSegment = 64;
}

ZoneIndex Layout::add_zone(RegionIndex region) {
  zones_.push_back(Zone{region});
  regions_ = std::max(regions_, region + 1);
  return zones() - 1;
}

void Layout::add_block(ZoneIndex zone) {
  const std::uint32_t block = blocks();
  nodes_.resize((block + 1) * kLanes, kNoNode);
  const bool continues =
      !segments_.empty() && segments_.back().zone == zone && segments_.back().blocks < kBlocksPerSegment;
  if (continues) {
    ++segments_.back().blocks;
  } else {
    segments_.push_back(Segment{block, 1, zone});
  }
  segment_of_block_.push_back(static_cast<std::uint32_t>(segments_.size()) - 1);
  zones_[zone].next = block * kLanes;
}

bool Layout::append(NodeIndex node, ZoneIndex zone) {
  if (node >= slots_.size()) {
    slots_.resize(node + 1, kNoSlot);
    zone_of_node_.resize(node + 1, 0);
  }
  Zone& into = zones_[zone];
  const bool full = into.next == kNoSlot;
  if (full) add_block(zone);
  if (into.used && node < into.last) disordered_ = true;
  into.used = true;
  into.last = std::max(into.last, node);
  slots_[node] = into.next;
  zone_of_node_[node] = zone;
  nodes_[into.next] = node;
  into.next = lane_of(into.next) == kLanes - 1 ? kNoSlot : into.next + 1;
  return full;
}

void Layout::change_zone(NodeIndex node, ZoneIndex zone) {
  zone_of_node_[node] = zone;
  disordered_ = true;
}

void Layout::remove(NodeIndex node) {
  nodes_[slots_[node]] = kNoNode;
  slots_[node] = kNoSlot;
  ++holes_;
}

std::size_t Layout::least_segments() const {
  return zones_.size() + blocks() / kBlocksPerSegment;
}

std::vector<Slot> Layout::order() {
  std::vector<Slot> moved(nodes_.size(), kNoSlot);
  std::vector<std::vector<NodeIndex>> members(zones_.size());
  const std::vector<Slot> before = slots_;
  for (NodeIndex node = 0; node < before.size(); ++node)
    if (before[node] != kNoSlot) members[zone_of_node_[node]].push_back(node);
  nodes_.clear();
  segments_.clear();
  segment_of_block_.clear();
  for (Zone& zone : zones_) zone = Zone{zone.region};
  for (ZoneIndex zone = 0; zone < members.size(); ++zone) {
    for (const NodeIndex node : members[zone]) {
      append(node, zone);
      moved[before[node]] = slots_[node];
    }
  }
  disordered_ = false;
  holes_ = 0;
  return moved;
}

std::size_t Layout::bytes() const {
  return (slots_.capacity() + zone_of_node_.capacity() + nodes_.capacity() + segment_of_block_.capacity()) *
             4 +
         segments_.capacity() * sizeof(Segment) + zones_.capacity() * sizeof(Zone);
}

}  // namespace cloudless::scheduler::engine
