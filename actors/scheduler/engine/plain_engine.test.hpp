// The oracle: the engine's behaviour as loops over all nodes, with the formulas straight from the scheduler's
// design. Slow and easy to read. It shares with the engine only the vocabulary and the functions about one
// node's GPUs (which have tests of their own).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

#include "actors/scheduler/engine/class_spec.hpp"
#include "actors/scheduler/engine/cluster.hpp"
#include "actors/scheduler/engine/engine.hpp"

namespace cloudless::scheduler::engine {

class PlainEngine {
 public:
  ZoneIndex add_zone(RegionIndex region) {
    regions_of_zones_.push_back(region);
    return static_cast<ZoneIndex>(regions_of_zones_.size()) - 1;
  }
  AttributeId add_attribute() { return attributes_++; }
  GroupId add_group() { return groups_++; }

  void put(NodeIndex index, const NodeRow& row) {
    if (index >= nodes_.size()) nodes_.resize(index + 1);
    nodes_[index].there = true;
    nodes_[index].row = row;
  }
  void remove(NodeIndex index) {
    if (has(index)) nodes_[index] = Node{};
  }
  bool has(NodeIndex index) const { return index < nodes_.size() && nodes_[index].there; }
  const NodeRow& row(NodeIndex index) const { return nodes_[index].row; }

  void set_attribute(AttributeId attribute, NodeIndex index, bool on) {
    if (has(index)) at(nodes_[index].attributes, attribute) = on;
  }
  bool has_attribute(AttributeId attribute, NodeIndex index) const {
    return get(nodes_[index].attributes, attribute) != 0;
  }
  void count(GroupId group, NodeIndex index, bool more) {
    if (!has(index)) return;
    std::int64_t& holds = at(nodes_[index].replicas, group);
    holds = std::max<std::int64_t>(0, holds + (more ? 1 : -1));
  }
  std::int64_t held(GroupId group, NodeIndex index) const { return get(nodes_[index].replicas, group); }
  void take(NodeIndex index, const Amounts& a, GpuMask gpus) { change(index, a, gpus, 1); }
  void give(NodeIndex index, const Amounts& a, GpuMask gpus) { change(index, a, gpus, -1); }

  GpuMask commit(const ClassSpec& spec, NodeIndex index) {
    if (!has(index)) return 0;
    const GpuMask gpus = pick_gpus(nodes_[index].row.gpus, spec.request);
    take(index, spec.request, gpus);
    for (const GroupId group : spec.joins) count(group, index, true);
    return gpus;
  }
  void release(const ClassSpec& spec, NodeIndex index, GpuMask gpus) {
    give(index, spec.request, gpus);
    for (const GroupId group : spec.joins) count(group, index, false);
  }

  Choice best(const ClassSpec& spec) {
    View view(*this, spec);
    Choice best;
    for (NodeIndex index = 0; index < nodes_.size(); ++index) {
      if (!nodes_[index].there || view.rejected(nodes_[index]) != Filter::none) continue;
      const std::int64_t score = view.score(nodes_[index]);
      if (!best || score > best.score)
        best =
            Choice{index, static_cast<std::int32_t>(score), pick_gpus(nodes_[index].row.gpus, spec.request)};
    }
    return best;
  }

  Why why(const ClassSpec& spec) {
    View view(*this, spec);
    Why why;
    why.fixed.assign(spec.fixed.size(), 0);
    for (const Node& node : nodes_) {
      if (!node.there) continue;
      ++why.nodes;
      switch (view.rejected(node)) {
        case Filter::none:
          ++why.fits;
          break;
        case Filter::state:
          ++why.state;
          break;
        case Filter::fixed:
          ++why.fixed[view.condition];
          break;
        case Filter::host_port:
          ++why.host_port;
          break;
        case Filter::cpu:
          ++why.cpu;
          break;
        case Filter::memory:
          ++why.memory;
          break;
        case Filter::storage:
          ++why.storage;
          break;
        case Filter::bandwidth:
          ++why.bandwidth;
          break;
        case Filter::gpu:
          ++why.gpu;
          break;
        case Filter::affinity:
          ++why.affinity;
          break;
        case Filter::anti_affinity:
          ++why.anti_affinity;
          break;
        case Filter::spread:
          ++why.spread;
          break;
        case Filter::failed:
          ++why.failed;
          break;
      }
    }
    return why;
  }

 private:
  enum class Filter {
    none,
    state,
    fixed,
    host_port,
    cpu,
    memory,
    storage,
    bandwidth,
    gpu,
    affinity,
    anti_affinity,
    spread,
    failed
  };
  struct Node {
    bool there = false;
    NodeRow row;
    std::vector<std::int64_t> attributes, replicas;  // by id
  };

  static std::int64_t& at(std::vector<std::int64_t>& values, std::uint32_t id) {
    if (id >= values.size()) values.resize(id + 1, 0);
    return values[id];
  }
  static std::int64_t get(const std::vector<std::int64_t>& values, std::uint32_t id) {
    return id < values.size() ? values[id] : 0;
  }

  void change(NodeIndex index, const Amounts& a, GpuMask gpus, std::int32_t sign) {
    if (!has(index)) return;
    NodeRow& row = nodes_[index].row;
    row.cpu -= sign * a.cpu;
    row.memory -= sign * a.memory;
    row.storage -= sign * a.storage;
    row.bandwidth -= sign * a.bandwidth;
    if (sign > 0) {
      take_gpus(row.gpus, gpus, a);
    } else {
      give_gpus(row.gpus, gpus, a);
    }
  }

  /// The cluster as one class sees it at one moment. Replicas per domain are summed when first asked for.
  class View {
   public:
    View(const PlainEngine& engine, const ClassSpec& spec)
        : engine_(engine), spec_(spec), sums_(engine.groups_) {}

    std::size_t condition = 0;  // which of spec.fixed rejected

    Filter rejected(const Node& node) {
      const Amounts& want = spec_.request;
      const NodeRow& row = node.row;
      if (!row.open) return Filter::state;
      for (condition = 0; condition < spec_.fixed.size(); ++condition)
        if ((get(node.attributes, spec_.fixed[condition].attribute) != 0) != spec_.fixed[condition].wanted)
          return Filter::fixed;
      for (const GroupId port : spec_.ports)
        if (held(port, Topology::node, node) > 0) return Filter::host_port;
      if (row.cpu < want.cpu) return Filter::cpu;
      if (row.memory < want.memory) return Filter::memory;
      if (row.storage < want.storage) return Filter::storage;
      if (row.bandwidth < want.bandwidth) return Filter::bandwidth;
      if (want.asks_gpu() && pick_gpus(row.gpus, want) == 0) return Filter::gpu;
      for (const Affinity& a : spec_.affinity)
        if (held(a.group, a.topology, node) == 0 && !(a.matches_itself && total(a.group) == 0))
          return Filter::affinity;
      for (const AntiAffinity& a : spec_.anti_affinity)
        if (held(a.group, a.topology, node) > 0) return Filter::anti_affinity;
      const Spread& spread = spec_.spread;
      if (spread.max_skew > 0 &&
          held(spread.own, spread.hard_over, node) + 1 - least(spread.own, spread.hard_over) >
              spread.max_skew)
        return Filter::spread;
      for (const AttributeId failed : spec_.failed)
        if (get(node.attributes, failed) != 0) return Filter::failed;
      return Filter::none;
    }

    std::int64_t score(const Node& node) {
      const Weights& w = spec_.weights;
      return w.locality * locality(node) + w.reliability * node.row.reliability + w.cost * node.row.cost +
             w.utilization * utilization(node) - w.network * (node.row.latency + crossing(node)) +
             wishes(node);
    }

   private:
    std::int64_t locality(const Node& node) {
      const ZoneIndex zone = node.row.zone;
      const std::int64_t asked = spec_.asked.empty()         ? 500
                                 : zone < spec_.asked.size() ? spec_.asked[zone]
                                                             : 0;
      bool image = false;
      for (const AttributeId id : spec_.image) image = image || get(node.attributes, id) != 0;
      const std::int64_t all = peers(Peers::all, node);
      const std::int64_t near = all == 0 ? 500 : 1000 * peers(Peers::zone, node) / all;
      return asked * 4 / 10 + (image ? 300 : 0) + near * 3 / 10;
    }
    std::int64_t crossing(const Node& node) {
      return peers(Peers::all, node) > 0 && peers(Peers::region, node) == 0 ? 500 : 0;
    }
    std::int64_t utilization(const Node& node) const {
      const NodeRow& row = node.row;
      if (spec_.request.asks_gpu()) return fragmentation_term(row.gpus, row.cpu, spec_.request);
      const std::int64_t rc = part(row.cpu - spec_.request.cpu, row.room_cpu);
      const std::int64_t rm = part(row.memory - spec_.request.memory, row.room_memory);
      if (row.gpus.idle()) return 250 + ((rc - row.gpus.free_part()) >> 2);
      const std::int64_t apart = std::abs(rc - rm);
      return (spec_.spreading ? 2 * (rc + rm) - apart : 4000 - 2 * (rc + rm) - apart) >> 2;
    }
    static std::int64_t part(std::int64_t left, std::int64_t room) {
      return room > 0 ? (left * ((std::int64_t{1000} << 16) / room)) >> 16 : 0;
    }
    std::int64_t wishes(const Node& node) {
      std::int64_t sum = 0;
      for (const Wish& wish : spec_.wishes)
        if (get(node.attributes, wish.attribute) != 0) sum += wish.points;
      for (const Preference& p : spec_.preferences)
        if (held(p.group, p.topology, node) > 0) sum += p.points;
      const Spread& spread = spec_.spread;
      if (spread.over_nodes)
        sum -= 100'000 * std::min<std::int64_t>(10, held(spread.own, Topology::node, node));
      if (spread.soft)
        sum -= 100'000 * std::min<std::int64_t>(10, held(spread.own, spread.soft_over, node) -
                                                        least(spread.own, spread.soft_over));
      return sum;
    }

    struct Sums {
      bool known = false;
      std::int64_t all = 0;
      std::vector<std::int64_t> zones, regions;
    };
    Sums& sums(GroupId group) {
      Sums& sums = sums_[group];
      if (sums.known) return sums;
      sums.known = true;
      for (const Node& node : engine_.nodes_) {
        const std::int64_t holds = get(node.replicas, group);
        if (holds == 0) continue;
        sums.all += holds;
        at(sums.zones, node.row.zone) += holds;
        at(sums.regions, engine_.regions_of_zones_[node.row.zone]) += holds;
      }
      return sums;
    }
    std::int64_t total(GroupId group) { return sums(group).all; }
    std::int64_t held(GroupId group, Topology topology, const Node& node) {
      if (topology == Topology::node) return get(node.replicas, group);
      if (topology == Topology::zone) return get(sums(group).zones, node.row.zone);
      return get(sums(group).regions, engine_.regions_of_zones_[node.row.zone]);
    }
    /// The fewest in any domain that has a node which is open and passes all fixed conditions.
    std::int64_t least(GroupId group, Topology topology) {
      std::int64_t& known = least_[static_cast<std::size_t>(topology)];
      if (known >= 0) return known;
      known = std::numeric_limits<std::int64_t>::max();
      for (const Node& node : engine_.nodes_) {
        if (!node.there || !node.row.open) continue;
        const bool passes = std::ranges::all_of(spec_.fixed, [&](const Condition& c) {
          return (get(node.attributes, c.attribute) != 0) == c.wanted;
        });
        if (passes) known = std::min(known, held(group, topology, node));
      }
      return known;
    }
    enum class Peers { all, zone, region };
    std::int64_t peers(Peers where, const Node& node) {
      std::int64_t sum = 0;
      for (const GroupId group : spec_.peers)
        sum += where == Peers::all    ? total(group)
               : where == Peers::zone ? held(group, Topology::zone, node)
                                      : held(group, Topology::region, node);
      return sum;
    }

    const PlainEngine& engine_;
    const ClassSpec& spec_;
    std::vector<Sums> sums_;
    std::int64_t least_[3] = {-1, -1, -1};
  };

  std::vector<Node> nodes_;
  std::vector<RegionIndex> regions_of_zones_;
  AttributeId attributes_ = 0;
  GroupId groups_ = 0;
};

}  // namespace cloudless::scheduler::engine
