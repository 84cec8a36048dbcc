// The nodes as numbers: free amounts, attributes, groups of replicas, and a log of which slots changed, which
// class indexes replay. Nothing here decides. Slots move only in settle(), which must be called before slots
// are used after nodes changed; all other calls name nodes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "actors/scheduler/engine/block.hpp"
#include "actors/scheduler/engine/change_log.hpp"
#include "actors/scheduler/engine/class_spec.hpp"
#include "actors/scheduler/engine/gpu.hpp"
#include "actors/scheduler/engine/group.hpp"
#include "actors/scheduler/engine/layout.hpp"
#include "actors/scheduler/engine/node_set.hpp"

namespace cloudless::scheduler::engine {

/// A node as the caller sees it. Free amounts may be negative, not above room.
struct NodeRow {
  std::int32_t cpu = 0, memory = 0, storage = 0, bandwidth = 0;  ///< free; units of Amounts
  std::int32_t room_cpu = 0, room_memory = 0;                    ///< what utilization is a part of
  Gpus gpus;
  std::int32_t reliability = 1000, cost = 500, latency = 0;  ///< terms, 0-1000
  ZoneIndex zone = 0;
  bool open = true;  ///< ready, not cordoned, not draining
  bool operator==(const NodeRow&) const = default;
};

class Cluster {
 public:
  /// `house`: the weights most classes have; decisions by them are the quickest.
  explicit Cluster(const Weights& house = {}) : house_(house) {}
  const Weights& house() const { return house_; }

  ZoneIndex add_zone(RegionIndex region) { return layout_.add_zone(region); }
  AttributeId add_attribute();
  GroupId add_group();

  /// A node appears or changes. Nodes that come in the order of their indices cost least.
  void put(NodeIndex node, const NodeRow& row);
  /// The node is no more: its attributes and what groups count on it are gone with it.
  void remove(NodeIndex node);
  bool has(NodeIndex node) const { return layout_.slot_of(node) != kNoSlot; }

  /// What follows does nothing for nodes that are not there. True if it changed anything.
  bool set_attribute(AttributeId attribute, NodeIndex node, bool on);
  bool has_attribute(AttributeId attribute, NodeIndex node) const;
  /// One replica more or less of the group on the node. Less where none is changes nothing.
  bool count(GroupId group, NodeIndex node, bool more);
  /// Takes amounts from what is free. The GPUs are the caller's choice (pick_gpus).
  void take(NodeIndex node, const Amounts& amounts, GpuMask gpus);
  void give(NodeIndex node, const Amounts& amounts, GpuMask gpus);

  /// Amounts taken and groups joined (or given back and left) at once.
  void commit(NodeIndex node, const Amounts& amounts, GpuMask gpus, std::span<const GroupId> joins);
  void release(NodeIndex node, const Amounts& amounts, GpuMask gpus, std::span<const GroupId> joins);

  Gpus gpus_of(NodeIndex node) const;
  /// What is free now, without GPUs; nothing of a node that is not there.
  Amounts free_of(NodeIndex node) const;

  /// Puts slots in order if they are not. Slots of before mean nothing after it.
  void settle();
  /// Differs whenever blocks were added or slots moved.
  std::uint32_t epoch() const { return epoch_; }

  const Layout& layout() const { return layout_; }
  const std::vector<Block>& blocks() const { return blocks_; }
  const ChangeLog& log() const { return log_; }
  const NodeSet& attribute(AttributeId id) const { return attributes_[id]; }
  const Group& group(GroupId id) const { return groups_[id]; }
  std::span<const std::uint64_t> present() const { return present_; }
  std::span<const std::uint64_t> open() const { return open_; }
  std::span<const std::uint64_t> idle() const { return idle_; }
  const Gpus& gpus_at(Slot slot) const { return gpus_[gpu_row_[slot]]; }
  bool has_gpus(Slot slot) const { return gpu_row_[slot] != 0; }

  /// Of nodes alone, and of attributes and groups.
  std::size_t node_bytes() const;
  std::size_t set_bytes() const;

 private:
  void grow();
  void write(Slot slot, const NodeRow& row);
  void write_gpus(Slot slot, const Gpus& gpus);
  void change_room(Slot slot, const Amounts& amounts, GpuMask gpus, std::int32_t sign);
  Place place_of_node(NodeIndex node) const;

  Weights house_;
  Layout layout_;
  std::vector<Block> blocks_;
  std::vector<std::uint64_t> present_, open_, idle_;  // one word per block
  std::vector<std::uint32_t> gpu_row_;                // per slot: its row in gpus_, 0 for none
  std::vector<Gpus> gpus_ = std::vector<Gpus>(1);
  std::vector<std::uint32_t> free_gpu_rows_;
  std::vector<NodeSet> attributes_;
  std::vector<Group> groups_;
  ChangeLog log_;
  std::uint32_t epoch_ = 1;
};

}  // namespace cloudless::scheduler::engine
