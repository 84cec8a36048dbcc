#include "actors/scheduler/engine/engine_drive.test.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "actors/scheduler/engine/engine.hpp"
#include "actors/scheduler/engine/plain_engine.test.hpp"

namespace cloudless::scheduler::engine {

namespace {

class SplitMix {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E37'79B9'7F4A'7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EBULL;
    return z ^ (z >> 31);
  }
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((next() >> 32) * bound >> 32);
  }
  std::int32_t within(std::int32_t from, std::int32_t to) {
    return from + static_cast<std::int32_t>(below(static_cast<std::uint32_t>(to - from) + 1));
  }
  bool one_in(std::uint32_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

/// What has been placed and may be released.
struct Placed {
  ClassId id;
  std::size_t slot;  // of the driver's classes, for its spec
  NodeIndex node;
  GpuMask gpus;
};

class Drive {
 public:
  Drive(std::span<const std::uint8_t> bytes, std::uint32_t most_nodes) : bytes_(bytes), chance_(take_seed()) {
    // An index budget of nothing keeps one index only: all others are built anew each time.
    const std::size_t budget = chance_.one_in(4) ? 0 : 1U << 24;
    const Weights house = chance_.one_in(2) ? Weights{} : Weights{1000, 0, 777, 3, 1000};
    engines_.push_back(std::make_unique<Engine>(budget, house, plain_kernel()));
    if (vector_kernel() != nullptr)
      engines_.push_back(std::make_unique<Engine>(budget, house, *vector_kernel()));
    scale_ = chance_.one_in(3) ? 1 : 100;
    build(std::min(most_nodes, size_of_cluster(most_nodes)));
  }

  DriveResult run() {
    while (result_.difference.empty() && at_ < bytes_.size()) step();
    compare_nodes();
    return std::move(result_);
  }

 private:
  /// Small clusters mostly: they meet every edge, and the oracle is slow.
  std::uint32_t size_of_cluster(std::uint32_t most) {
    std::uint32_t size = 1 + chance_.below(most);
    for (int i = 0; i < 3 && !chance_.one_in(3); ++i) size = 1 + chance_.below(size);
    return size;
  }

  std::uint64_t take_seed() {
    std::uint64_t seed = 0;
    for (int i = 0; i < 8; ++i) seed = (seed << 8) | byte();
    return seed;
  }
  std::uint8_t byte() { return at_ < bytes_.size() ? bytes_[at_++] : std::uint8_t{0}; }

  void build(std::uint32_t nodes) {
    const std::uint32_t regions = 1 + chance_.below(4), zones = 1 + chance_.below(12);
    for (std::uint32_t z = 0; z < zones; ++z) {
      const RegionIndex region = chance_.below(regions);
      plain_.add_zone(region);
      for (auto& engine : engines_) engine->add_zone(region);
    }
    zones_ = chance_.one_in(3) ? 1 : zones;
    for (int i = 0; i < 12; ++i) add_attribute();
    for (int i = 0; i < 8; ++i) add_group();
    gpus_common_ = chance_.below(3);
    nodes_ = nodes;
    for (NodeIndex node = 0; node < nodes_; ++node) put(node);
    for (NodeIndex node = 0; node < nodes_; ++node)
      for (AttributeId a = 0; a < attributes_; ++a)
        if (chance_.one_in(2 + a)) set_attribute(a, node, true);
    for (int i = 0; i < 4; ++i) add_class();
  }

  void add_attribute() {
    ++attributes_;
    plain_.add_attribute();
    for (auto& engine : engines_) engine->add_attribute();
  }
  void add_group() {
    ++groups_;
    plain_.add_group();
    for (auto& engine : engines_) engine->add_group();
  }

  NodeRow random_row() {
    NodeRow row;
    row.room_cpu = chance_.one_in(50) ? 0 : scale_ * chance_.within(1, 64);
    row.room_memory = chance_.one_in(50) ? 0 : scale_ * chance_.within(1, 256);
    row.cpu = chance_.one_in(3) ? row.room_cpu : chance_.within(-row.room_cpu / 8, row.room_cpu);
    row.memory = chance_.one_in(3) ? row.room_memory : chance_.within(-row.room_memory / 8, row.room_memory);
    row.storage = chance_.within(-2, 40) * scale_;
    row.bandwidth = chance_.within(-2, 40) * scale_;
    if (gpus_common_ > 0 && chance_.below(3) < gpus_common_) {
      row.gpus.count = static_cast<std::uint8_t>(1 + chance_.below(chance_.one_in(20) ? kMaxGpus : 8));
      for (std::uint32_t i = 0; i < row.gpus.count; ++i)
        row.gpus.free[i] = static_cast<std::int16_t>(chance_.one_in(2) ? 1000 : chance_.within(0, 10) * 100);
    }
    row.reliability = 1000 - 200 * chance_.within(0, 5);
    row.cost = chance_.one_in(2) ? 500 : chance_.within(0, 1000);
    row.latency = chance_.one_in(2) ? 0 : chance_.within(0, 500);
    row.zone = chance_.below(zones_);
    row.open = !chance_.one_in(12);
    return row;
  }

  void put(NodeIndex node) {
    NodeRow row = random_row();
    // Mostly a node stays where it is.
    if (plain_.has(node) && !chance_.one_in(8)) row.zone = plain_.row(node).zone;
    plain_.put(node, row);
    for (auto& engine : engines_) engine->put(node, row);
    forget_placed(node);  // giving back what the new row does not know of would exceed its room
  }
  void forget_placed(NodeIndex node) {
    std::erase_if(placed_, [node](const Placed& p) { return p.node == node; });
  }
  void remove(NodeIndex node) {
    plain_.remove(node);
    for (auto& engine : engines_) engine->remove(node);
    forget_placed(node);
  }
  void set_attribute(AttributeId id, NodeIndex node, bool on) {
    plain_.set_attribute(id, node, on);
    for (auto& engine : engines_) engine->set_attribute(id, node, on);
  }
  void count(GroupId id, NodeIndex node, bool more) {
    plain_.count(id, node, more);
    for (auto& engine : engines_) engine->count(id, node, more);
  }

  Topology random_topology() { return static_cast<Topology>(chance_.below(3)); }
  GroupId random_group() { return chance_.below(groups_); }
  std::int32_t random_points() { return chance_.within(-100, 100) * 1000; }

  Amounts random_amounts() {
    Amounts a;
    a.cpu = chance_.one_in(10) ? 0 : chance_.within(1, 8) * scale_;
    a.memory = chance_.one_in(10) ? 0 : chance_.within(1, 24) * scale_;
    a.storage = chance_.one_in(2) ? 0 : chance_.within(0, 5) * scale_;
    a.bandwidth = chance_.one_in(2) ? 0 : chance_.within(0, 5) * scale_;
    if (gpus_common_ > 0 && chance_.one_in(3)) {
      if (chance_.one_in(2)) {
        a.gpus = chance_.within(1, 4);
      } else {
        a.gpu_share = chance_.within(1, 9) * 100 + (chance_.one_in(2) ? 0 : chance_.within(0, 99));
      }
    }
    return a;
  }

  ClassSpec random_spec() {
    ClassSpec spec;
    spec.request = random_amounts();
    const auto some = [this](std::uint32_t most, std::uint32_t one_in, auto add) {
      if (chance_.one_in(one_in))
        for (std::uint32_t i = 1 + chance_.below(most); i > 0; --i) add();
    };
    some(3, 2, [&] { spec.fixed.push_back({chance_.below(attributes_), chance_.one_in(2)}); });
    some(2, 6, [&] { spec.ports.push_back(random_group()); });
    some(2, 4, [&] { spec.affinity.push_back({random_group(), random_topology(), chance_.one_in(2)}); });
    some(2, 4, [&] { spec.anti_affinity.push_back({random_group(), random_topology()}); });
    some(2, 6, [&] { spec.failed.push_back(chance_.below(attributes_)); });
    some(3, 3, [&] { spec.wishes.push_back({chance_.below(attributes_), random_points()}); });
    some(3, 3, [&] { spec.preferences.push_back({random_group(), random_topology(), random_points()}); });
    some(1, 3, [&] { spec.image.push_back(chance_.below(attributes_)); });
    some(2, 3, [&] { spec.peers.push_back(random_group()); });
    if (spec.peers.size() == 2 && spec.peers[0] == spec.peers[1]) spec.peers.pop_back();
    if (chance_.one_in(3))
      for (std::uint32_t z = chance_.below(14); z > 0; --z) spec.asked.push_back(chance_.within(0, 1000));
    if (chance_.one_in(3))
      spec.weights = Weights{chance_.within(0, 1000), chance_.within(0, 1000), chance_.within(0, 1000),
                             chance_.within(0, 1000), chance_.within(0, 1000)};
    spec.spreading = chance_.one_in(3);
    spec.spread = random_spread();
    for (GroupId group = 0; group < groups_; ++group)
      if (chance_.one_in(5) || (group == spec.spread.own && !chance_.one_in(8))) spec.joins.push_back(group);
    return spec;
  }

  Spread random_spread() {
    Spread spread;
    if (chance_.one_in(4)) return spread;
    spread.own = random_group();
    spread.over_nodes = !chance_.one_in(4);
    spread.soft = chance_.one_in(3);
    spread.soft_over = chance_.one_in(2) ? Topology::zone : Topology::region;
    if (chance_.one_in(3)) spread.max_skew = chance_.within(1, 3);
    spread.hard_over = random_topology();
    return spread;
  }

  void add_class() {
    ClassSpec spec =
        classes_.empty() || !chance_.one_in(8) ? random_spec() : specs_[chance_.below(class_count())];
    ClassId id = 0;
    for (auto& engine : engines_) id = engine->use(spec);  // both give the same ids
    classes_.push_back(id);
    specs_.push_back(std::move(spec));
  }
  void drop_class() {
    if (classes_.size() < 2) return;
    const std::uint32_t gone = chance_.below(class_count());
    for (auto& engine : engines_) engine->drop(classes_[gone]);
    classes_.erase(classes_.begin() + gone);
    specs_.erase(specs_.begin() + gone);
    std::erase_if(placed_, [gone](const Placed& p) { return p.slot == gone; });
    for (Placed& p : placed_)
      if (p.slot > gone) --p.slot;
  }
  std::uint32_t class_count() const { return static_cast<std::uint32_t>(classes_.size()); }

  void differ(const std::string& what) {
    if (result_.difference.empty()) result_.difference = what + " after " + std::to_string(at_) + " bytes";
  }
  static std::string words(const Choice& c) {
    return c ? "node " + std::to_string(c.node) + " score " + std::to_string(c.score) + " gpus " +
                   std::to_string(c.gpus)
             : std::string("none");
  }

  Choice compare_best(std::size_t which) {
    const Choice wanted = plain_.best(specs_[which]);
    ++result_.decisions;
    if (wanted) ++result_.placed;
    for (auto& engine : engines_)
      if (const Choice got = engine->best(classes_[which]); got != wanted)
        differ("oracle: " + words(wanted) + ", engine: " + words(got));
    return wanted;
  }

  void place_one(std::size_t which) {
    const Choice choice = compare_best(which);
    if (!choice) return;
    const GpuMask gpus = plain_.commit(specs_[which], choice.node);
    for (auto& engine : engines_)
      if (engine->commit(classes_[which], choice.node) != gpus) differ("other GPUs");
    placed_.push_back({classes_[which], which, choice.node, gpus});
  }

  void place_batch(std::size_t which, std::uint32_t replicas) {
    std::vector<Choice> wanted;
    while (wanted.size() < replicas) {
      const Choice choice = plain_.best(specs_[which]);
      ++result_.decisions;
      if (!choice) break;
      ++result_.placed;
      plain_.commit(specs_[which], choice.node);
      placed_.push_back({classes_[which], which, choice.node, choice.gpus});
      wanted.push_back(choice);
    }
    for (auto& engine : engines_)
      if (engine->place(classes_[which], replicas) != wanted) differ("another batch");
  }

  void release() {
    if (placed_.empty()) return;
    const std::uint32_t i = chance_.below(static_cast<std::uint32_t>(placed_.size()));
    const Placed gone = placed_[i];
    placed_[i] = placed_.back();
    placed_.pop_back();
    plain_.release(specs_[gone.slot], gone.node, gone.gpus);
    for (auto& engine : engines_) engine->release(gone.id, gone.node, gone.gpus);
  }

  void change_room(NodeIndex node) {
    Amounts amounts = random_amounts();
    amounts.gpus = amounts.gpu_share = 0;
    const bool more = chance_.one_in(2);
    if (more) {
      plain_.take(node, amounts, 0);
    } else if (plain_.has(node)) {
      const NodeRow& row = plain_.row(node);  // not above room
      if (row.cpu + amounts.cpu > row.room_cpu || row.memory + amounts.memory > row.room_memory) return;
      plain_.give(node, amounts, 0);
    }
    for (auto& engine : engines_) {
      if (more) {
        engine->take(node, amounts);
      } else {
        engine->give(node, amounts);
      }
    }
  }

  /// Something is tried, and mostly undone: then all is as it was.
  void trial() {
    const PlainEngine plain = plain_;
    const std::vector<Placed> placed = placed_;
    const bool keep = chance_.one_in(3);
    std::vector<std::unique_ptr<Trial>> trials;
    for (auto& engine : engines_) trials.push_back(std::make_unique<Trial>(*engine));
    for (std::uint32_t steps = 1 + chance_.below(6); steps > 0; --steps) inner_step();
    if (keep) {
      for (auto& one : trials) one->keep();
    } else {
      plain_ = plain;
      placed_ = placed;
    }
  }

  /// What may happen inside a trial.
  void inner_step() {
    const std::uint8_t kind = byte();
    const NodeIndex node = chance_.below(nodes_);
    const std::uint32_t which = chance_.below(class_count());
    if (kind < 120) {
      place_one(which);
    } else if (kind < 150) {
      release();
    } else if (kind < 170) {
      place_batch(which, 1 + chance_.below(12));
    } else if (kind < 190) {
      set_attribute(chance_.below(attributes_), node, chance_.one_in(2));
    } else if (kind < 210) {
      const GroupId group = random_group();
      const bool more = chance_.one_in(2);
      // Sometimes many: from ten on further own replicas do not matter.
      for (std::uint32_t i = chance_.one_in(6) ? 20 : 1; i > 0; --i) count(group, node, more);
    } else if (kind < 230) {
      change_room(node);
    } else if (depth_ < 2) {
      ++depth_;
      trial();
      --depth_;
    }
  }

  void step() {
    const std::uint8_t kind = byte();
    const NodeIndex node = chance_.below(nodes_);
    if (kind < 224) {
      inner_step();
    } else if (kind < 236) {
      put(chance_.one_in(6) && nodes_ < 2000 ? nodes_++ : node);
    } else if (kind < 239) {
      remove(node);
    } else if (kind < 246) {
      add_class();
      if (classes_.size() > 12) drop_class();
    } else {
      compare_why(chance_.below(class_count()));
    }
  }

  /// Nothing has leaked: the same is free everywhere, and groups count the same.
  void compare_nodes() {
    for (auto& engine : engines_) {
      const Cluster& cluster = engine->cluster();
      for (NodeIndex node = 0; node < nodes_; ++node) {
        if (cluster.has(node) != plain_.has(node)) differ("another set of nodes");
        if (!plain_.has(node)) continue;
        const NodeRow& row = plain_.row(node);
        if (cluster.free_of(node) != Amounts{row.cpu, row.memory, row.storage, row.bandwidth, 0, 0} ||
            cluster.gpus_of(node) != row.gpus)
          differ("other free amounts");
        for (GroupId group = 0; group < groups_; ++group)
          if (cluster.group(group).on_node(cluster.layout().slot_of(node)) != plain_.held(group, node))
            differ("another count of a group");
      }
    }
  }

  void compare_why(std::size_t which) {
    const Why wanted = plain_.why(specs_[which]);
    ++result_.histograms;
    for (auto& engine : engines_)
      if (engine->why(classes_[which]) != wanted) differ("another histogram");
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  SplitMix chance_;
  std::vector<std::unique_ptr<Engine>> engines_;
  PlainEngine plain_;
  std::vector<ClassId> classes_;
  std::vector<ClassSpec> specs_;
  std::vector<Placed> placed_;
  std::int32_t scale_ = 1;
  std::uint32_t zones_ = 1, nodes_ = 0, attributes_ = 0, groups_ = 0, gpus_common_ = 0, depth_ = 0;
  DriveResult result_;
};

}  // namespace

DriveResult drive(std::span<const std::uint8_t> bytes, std::uint32_t most_nodes) {
  return Drive(bytes, most_nodes).run();
}

DriveResult drive_seed(std::uint64_t seed, std::uint32_t most_nodes, std::size_t bytes) {
  std::vector<std::uint8_t> stream(bytes);
  SplitMix chance(seed);
  for (std::uint8_t& byte : stream) byte = static_cast<std::uint8_t>(chance.next());
  return drive(stream, most_nodes);
}

}  // namespace cloudless::scheduler::engine
