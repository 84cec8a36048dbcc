#include "actors/scheduler/engine/cluster.hpp"

#include <algorithm>

namespace cloudless::scheduler::engine {

namespace {

void set_bit(std::uint64_t& word, Slot slot, bool on) {
  word = on ? word | bit_of(slot) : word & ~bit_of(slot);
}

/// Room is at least what is free, so that no utilization is above 1000.
std::int32_t inverse_of(std::int32_t room, std::int32_t free) {
  const std::int32_t whole = std::max(room, free);
  return whole > 0 ? (1000 << 16) / whole : 0;
}

}  // namespace

AttributeId Cluster::add_attribute() {
  attributes_.emplace_back();
  return static_cast<AttributeId>(attributes_.size()) - 1;
}

GroupId Cluster::add_group() {
  groups_.emplace_back();
  return static_cast<GroupId>(groups_.size()) - 1;
}

void Cluster::grow() {
  blocks_.resize(layout_.blocks());
  present_.resize(layout_.blocks(), 0);
  open_.resize(layout_.blocks(), 0);
  idle_.resize(layout_.blocks(), 0);
  gpu_row_.resize(layout_.blocks() * kLanes, 0);
  ++epoch_;
}

void Cluster::put(NodeIndex node, const NodeRow& row) {
  if (!has(node)) {
    if (layout_.append(node, row.zone)) grow();
  } else if (layout_.zone_of(node) != row.zone) {
    layout_.change_zone(node, row.zone);
  }
  const Slot slot = layout_.slot_of(node);
  write(slot, row);
  blocks_[block_of(slot)].lower_least(lane_of(slot));
}

void Cluster::write(Slot slot, const NodeRow& row) {
  Block& block = blocks_[block_of(slot)];
  const std::uint32_t lane = lane_of(slot);
  block.cpu[lane] = row.cpu;
  block.memory[lane] = row.memory;
  block.storage[lane] = row.storage;
  block.bandwidth[lane] = row.bandwidth;
  block.inv_cpu[lane] = inverse_of(row.room_cpu, row.cpu);
  block.inv_memory[lane] = inverse_of(row.room_memory, row.memory);
  block.terms[lane] = packed_terms(row.reliability, row.cost, row.latency);
  block.standing[lane] =
      house_.reliability * row.reliability + house_.cost * row.cost - house_.network * row.latency;
  write_gpus(slot, row.gpus);
  set_bit(present_[block_of(slot)], slot, true);
  set_bit(open_[block_of(slot)], slot, row.open);
  log_.add(slot, true);
}

void Cluster::write_gpus(Slot slot, const Gpus& gpus) {
  std::uint32_t& row = gpu_row_[slot];
  if (gpus.count == 0) {
    if (row != 0) free_gpu_rows_.push_back(row);
    row = 0;
  } else {
    if (row == 0 && !free_gpu_rows_.empty()) {
      row = free_gpu_rows_.back();
      free_gpu_rows_.pop_back();
    } else if (row == 0) {
      row = static_cast<std::uint32_t>(gpus_.size());
      gpus_.emplace_back();
    }
    gpus_[row] = gpus;
  }
  Block& block = blocks_[block_of(slot)];
  block.gpu[lane_of(slot)] = packed_gpu(gpus.whole(), gpus.largest());
  block.gpu_free[lane_of(slot)] = gpus.free_part();
  set_bit(idle_[block_of(slot)], slot, gpus.idle());
}

void Cluster::remove(NodeIndex node) {
  if (!has(node)) return;
  const Place place = place_of_node(node);
  const Slot slot = place.slot;
  for (NodeSet& attribute : attributes_) attribute.set(slot, false, layout_.blocks());
  for (Group& group : groups_)
    while (group.any_on(slot)) group.remove(place, layout_.blocks());
  write(slot, NodeRow{});
  set_bit(present_[block_of(slot)], slot, false);
  set_bit(open_[block_of(slot)], slot, false);
  layout_.remove(node);
}

bool Cluster::set_attribute(AttributeId attribute, NodeIndex node, bool on) {
  if (!has(node)) return false;
  const Slot slot = layout_.slot_of(node);
  if (!attributes_[attribute].set(slot, on, layout_.blocks())) return false;
  log_.add(slot, true);
  return true;
}

bool Cluster::has_attribute(AttributeId attribute, NodeIndex node) const {
  return has(node) && attributes_[attribute].test(layout_.slot_of(node));
}

bool Cluster::count(GroupId group, NodeIndex node, bool more) {
  if (!has(node)) return false;
  const Place place = place_of_node(node);
  if (more) {
    groups_[group].add(place, layout_.blocks());
  } else if (groups_[group].any_on(place.slot)) {
    groups_[group].remove(place, layout_.blocks());
  } else {
    return false;
  }
  log_.add(place.slot, false);
  return true;
}

void Cluster::take(NodeIndex node, const Amounts& amounts, GpuMask gpus) {
  commit(node, amounts, gpus, {});
}

void Cluster::give(NodeIndex node, const Amounts& amounts, GpuMask gpus) {
  release(node, amounts, gpus, {});
}

void Cluster::commit(NodeIndex node, const Amounts& amounts, GpuMask gpus, std::span<const GroupId> joins) {
  if (!has(node)) return;
  const Place place = place_of_node(node);
  change_room(place.slot, amounts, gpus, 1);
  for (const GroupId group : joins) groups_[group].add(place, layout_.blocks());
  log_.add(place.slot, false);
}

void Cluster::release(NodeIndex node, const Amounts& amounts, GpuMask gpus, std::span<const GroupId> joins) {
  if (!has(node)) return;
  const Place place = place_of_node(node);
  change_room(place.slot, amounts, gpus, -1);
  for (const GroupId group : joins) groups_[group].remove(place, layout_.blocks());
  log_.add(place.slot, false);
}

void Cluster::change_room(Slot slot, const Amounts& amounts, GpuMask gpus, std::int32_t sign) {
  Block& block = blocks_[block_of(slot)];
  const std::uint32_t lane = lane_of(slot);
  block.cpu[lane] -= sign * amounts.cpu;
  block.memory[lane] -= sign * amounts.memory;
  block.storage[lane] -= sign * amounts.storage;
  block.bandwidth[lane] -= sign * amounts.bandwidth;
  block.lower_least(lane);
  if (gpus != 0) {
    Gpus changed = gpus_at(slot);
    if (sign > 0) {
      take_gpus(changed, gpus, amounts);
    } else {
      give_gpus(changed, gpus, amounts);
    }
    write_gpus(slot, changed);
  }
}

Gpus Cluster::gpus_of(NodeIndex node) const {
  return has(node) ? gpus_at(layout_.slot_of(node)) : Gpus{};
}

Amounts Cluster::free_of(NodeIndex node) const {
  if (!has(node)) return {};
  const Slot slot = layout_.slot_of(node);
  const Block& block = blocks_[block_of(slot)];
  const std::uint32_t lane = lane_of(slot);
  return {block.cpu[lane], block.memory[lane], block.storage[lane], block.bandwidth[lane], 0, 0};
}

Place Cluster::place_of_node(NodeIndex node) const {
  const ZoneIndex zone = layout_.zone_of(node);
  return Place{layout_.slot_of(node), zone, layout_.region_of(zone)};
}

void Cluster::settle() {
  if (!layout_.disordered()) return;
  const std::vector<Slot> moved = layout_.order();
  const std::uint32_t count = layout_.blocks();
  std::vector<Block> blocks(count);
  std::vector<std::uint64_t> present(count, 0), open(count, 0), idle(count, 0);
  std::vector<std::uint32_t> gpu_row(count * kLanes, 0);
  for (Slot from = 0; from < moved.size(); ++from) {
    const Slot to = moved[from];
    if (to == kNoSlot) continue;
    const Block& old = blocks_[block_of(from)];
    Block& block = blocks[block_of(to)];
    for (auto column :
         {&Block::cpu, &Block::memory, &Block::storage, &Block::bandwidth, &Block::gpu, &Block::gpu_free,
          &Block::inv_cpu, &Block::inv_memory, &Block::terms, &Block::standing})
      (block.*column)[lane_of(to)] = (old.*column)[lane_of(from)];
    block.lower_least(lane_of(to));
    set_bit(present[block_of(to)], to, (present_[block_of(from)] & bit_of(from)) != 0);
    set_bit(open[block_of(to)], to, (open_[block_of(from)] & bit_of(from)) != 0);
    set_bit(idle[block_of(to)], to, (idle_[block_of(from)] & bit_of(from)) != 0);
    gpu_row[to] = gpu_row_[from];
  }
  blocks_ = std::move(blocks);
  present_ = std::move(present);
  open_ = std::move(open);
  idle_ = std::move(idle);
  gpu_row_ = std::move(gpu_row);
  for (NodeSet& attribute : attributes_) attribute.move(moved, count);
  for (Group& group : groups_)
    group.move(moved, count, [this](Slot slot) { return place_of_node(layout_.node_of(slot)); });
  ++epoch_;
}

std::size_t Cluster::node_bytes() const {
  return layout_.bytes() + blocks_.capacity() * sizeof(Block) + present_.capacity() * 24 +
         gpu_row_.capacity() * 4 + gpus_.capacity() * sizeof(Gpus);
}

std::size_t Cluster::set_bytes() const {
  std::size_t sum = attributes_.capacity() * sizeof(NodeSet) + groups_.capacity() * sizeof(Group);
  for (const NodeSet& attribute : attributes_) sum += attribute.bytes();
  for (const Group& group : groups_) sum += group.bytes();
  return sum;
}

}  // namespace cloudless::scheduler::engine
