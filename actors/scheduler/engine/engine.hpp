// The scheduler's arithmetic: given nodes as numbers and classes of equal replicas, which node is best,
// exactly, at any size. `compile` (beside this folder) feeds it from workloads and nodes. It knows no names,
// no time and no chance; equal calls give equal answers on every machine, with vectors or without. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/scheduler/engine/class_cache.hpp"
#include "actors/scheduler/engine/cluster.hpp"
#include "actors/scheduler/engine/journal.hpp"
#include "actors/scheduler/engine/kernel.hpp"
#include "actors/scheduler/engine/why.hpp"

namespace cloudless::scheduler::engine {

/// A node for one replica; kNoNode if none fits. The score is S, the sum of all terms.
struct Choice {
  NodeIndex node = kNoNode;
  std::int32_t score = 0;
  GpuMask gpus = 0;  ///< which of the node's, 0 if none are asked for
  explicit operator bool() const { return node != kNoNode; }
  bool operator==(const Choice&) const = default;
};

class Engine {
 public:
  /// `index_budget`: bytes for the indexes of classes. `house`: the weights that most classes have (the
  /// coordinator's). The kernel is one of kernel.hpp's.
  explicit Engine(std::size_t index_budget = 64U << 20, const Weights& house = {},
                  const Kernel& kernel = fastest_kernel())
      : kernel_(kernel), cluster_(house), classes_(index_budget, house) {}

  /// \name The cluster. Zones, attributes and groups are never taken away.
  /// Changes of nodes are not undone by a Trial, and must not happen inside one.
  ///@{
  ZoneIndex add_zone(RegionIndex region) { return cluster_.add_zone(region); }
  AttributeId add_attribute() { return cluster_.add_attribute(); }
  GroupId add_group() { return cluster_.add_group(); }
  void put(NodeIndex node, const NodeRow& row) { cluster_.put(node, row); }
  void remove(NodeIndex node) { cluster_.remove(node); }
  void set_attribute(AttributeId attribute, NodeIndex node, bool on);
  /// One live replica more or less of the group on the node.
  void count(GroupId group, NodeIndex node, bool more);
  /// Room alone: replicas that are not live any more but still hold theirs, victims of a preemption.
  void take(NodeIndex node, const Amounts& amounts, GpuMask gpus = 0);
  void give(NodeIndex node, const Amounts& amounts, GpuMask gpus = 0);
  ///@}

  /// \name Classes. An id is valid until it was dropped as often as it was used.
  ///@{
  ClassId use(ClassSpec spec) { return classes_.use(std::move(spec)); }
  void drop(ClassId id) { classes_.drop(id); }
  ///@}

  /// The best node for one more replica, of equal scores the lowest index. Changes nothing.
  Choice best(ClassId id);
  /// Places a replica: takes room, GPUs (pick_gpus) and joins groups. Says which GPUs. Not checked: what is
  /// already decided is told this way, too.
  GpuMask commit(ClassId id, NodeIndex node);
  void release(ClassId id, NodeIndex node, GpuMask gpus);
  /// best() and commit(), up to `replicas` times; fewer answers when no node fits any more.
  std::vector<Choice> place(ClassId id, std::uint32_t replicas);
  /// Every node under the first filter that rejects it.
  Why why(ClassId id);

  const Cluster& cluster() const { return cluster_; }
  const ClassCache& classes() const { return classes_; }

 private:
  friend class Trial;
  Kernel kernel_;
  Cluster cluster_;
  ClassCache classes_;
  Journal journal_;
};

/// Until it ends everything done to the engine is on trial, and is undone then unless kept. Trials may be
/// nested; an inner one ends first.
class Trial {
 public:
  explicit Trial(Engine& engine) : engine_(engine), from_(engine.journal_.begin()) {}
  ~Trial() { engine_.journal_.end(engine_.cluster_, kept_ ? engine_.journal_.size() : from_); }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;
  void keep() { kept_ = true; }

 private:
  Engine& engine_;
  std::size_t from_;
  bool kept_ = false;
};

}  // namespace cloudless::scheduler::engine
