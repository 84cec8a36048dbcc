// What the scheduler's engine alone reaches, with vectors and without: one decision about a class it has
// never seen (cold) or knows (warm), batches of equal replicas, many small workloads, and workloads named
// like those of kube-scheduler's scheduler_perf. Every decision considers every node. Prints JSON.
//   scheduler_core_bench [NODES ...]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "actors/scheduler/engine/engine.hpp"

namespace {

using namespace cloudless::scheduler::engine;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kLabels = 32, kTaints = 8, kReplicas = 10'000;

double seconds_since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

/// How often this thread was made to wait for others so far.
long interruptions() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

/// A cluster of machines of several sizes, three tenths full, with labels, taints and a few GPUs.
class World {
 public:
  World(std::uint32_t nodes, const Kernel& kernel, double fill = 0.3)
      : engine(64U << 20, Weights{}, kernel), nodes_(nodes), chance_(nodes) {
    zones_ = nodes < 5000 ? 3 : nodes < 100'000 ? 10 : 20;
    for (std::uint32_t z = 0; z < zones_; ++z) engine.add_zone(z % 3);
    for (std::uint32_t a = 0; a < kLabels + kTaints; ++a) engine.add_attribute();
    for (NodeIndex node = 0; node < nodes; ++node) engine.put(node, row(node, fill));
    for (NodeIndex node = 0; node < nodes; ++node) {
      for (AttributeId label = 0; label < kLabels; ++label)
        if (below(100) < (label < 8 ? 50U : label < 16 ? 20U : 5U)) engine.set_attribute(label, node, true);
      for (AttributeId taint = kLabels; taint < kLabels + kTaints; ++taint)
        if (below(100) < 2) engine.set_attribute(taint, node, true);
    }
  }

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(chance_() % bound); }
  std::uint32_t nodes() const { return nodes_; }
  std::uint32_t zones() const { return zones_; }

  /// As a workload comes: own group, softly over nodes, no node that is tainted.
  ClassSpec spec(std::int32_t cpu, std::int32_t memory) {
    ClassSpec spec;
    spec.request = {cpu, memory, 10, 0, 0, 0};
    for (AttributeId taint = kLabels; taint < kLabels + kTaints; ++taint)
      spec.fixed.push_back({taint, false});
    const GroupId own = engine.add_group();
    spec.spread.own = own;
    spec.spread.over_nodes = true;
    spec.joins = {own};
    return spec;
  }
  ClassSpec random_spec() {
    static constexpr std::int32_t kCpu[] = {100, 200, 250, 500, 1000, 2000, 4000};
    static constexpr std::int32_t kMemory[] = {64, 128, 256, 512, 1024, 2048, 4096, 8192};
    ClassSpec s = spec(kCpu[below(7)] + static_cast<std::int32_t>(below(50)), kMemory[below(8)]);
    for (std::uint32_t i = below(3); i > 0; --i) s.fixed.push_back({below(10), true});
    s.spreading = below(2) == 0;
    if (below(3) == 0)
      for (std::uint32_t z = 0; z < zones_; ++z) s.asked.push_back(static_cast<std::int32_t>(below(1001)));
    return s;
  }

  Engine engine;

 private:
  NodeRow row(NodeIndex node, double fill) {
    static constexpr std::int32_t kCores[] = {8, 16, 32, 64, 96, 128}, kRatio[] = {2, 4, 8};
    const std::int32_t cores = kCores[below(6)];
    const auto part = [&](std::int32_t all) {
      return all - static_cast<std::int32_t>(all * fill * (0.5 + below(1000) / 1000.0));
    };
    NodeRow r;
    r.room_cpu = cores * 1000;
    r.room_memory = cores * 1024 * kRatio[below(3)];
    r.cpu = part(r.room_cpu) / 100 * 100;
    r.memory = part(r.room_memory) / 64 * 64;
    r.storage = 100'000 + static_cast<std::int32_t>(below(1'000'000));
    r.bandwidth = 10'000'000;
    if (below(10) == 0) {
      r.gpus.count = below(2) == 0 ? 8 : 4;
      for (std::uint32_t i = 0; i < r.gpus.count; ++i) r.gpus.free[i] = below(2) == 0 ? 1000 : 0;
    }
    r.reliability = below(10) == 0 ? 800 : 1000;
    r.cost = static_cast<std::int32_t>(below(1001));
    r.latency = static_cast<std::int32_t>(below(100));
    r.zone = node % zones_;
    return r;
  }

  std::uint32_t nodes_, zones_ = 1;
  std::mt19937_64 chance_;
};

/// Times of single decisions; those in which the thread was interrupted say nothing about it and are left
/// out.
class Samples {
 public:
  template <class Act>
  void measure(Act act) {
    const long before = interruptions();
    const auto from = Clock::now();
    act();
    const double seconds = seconds_since(from);
    if (interruptions() == before) {
      micros_.push_back(seconds * 1e6);
    } else {
      ++left_out_;
    }
  }
  nlohmann::json json() {
    std::sort(micros_.begin(), micros_.end());
    const auto at = [&](double share) {
      return micros_[static_cast<std::size_t>(share * static_cast<double>(micros_.size() - 1))];
    };
    return {{"p50_us", at(0.5)}, {"p99_us", at(0.99)}, {"samples", micros_.size()}, {"left_out", left_out_}};
  }

 private:
  std::vector<double> micros_;
  int left_out_ = 0;
};

/// Replicas that end when there are many, so that the cluster stays as full as it is.
class Tenants {
 public:
  explicit Tenants(World& world) : world_(world) {}
  void add(const Amounts& request, NodeIndex node) {
    live_.push_back({request, node});
    if (live_.size() <= 2 * world_.nodes()) return;
    std::swap(live_[world_.below(static_cast<std::uint32_t>(live_.size()))], live_.back());
    world_.engine.give(live_.back().node, live_.back().request);
    live_.pop_back();
  }

 private:
  struct Tenant {
    Amounts request;
    NodeIndex node;
  };
  World& world_;
  std::vector<Tenant> live_;
};

/// Everything at once: zones asked for, an image that is on some nodes, preferred labels, peers, hard spread.
ClassSpec rich_spec(World& world, GroupId peers, AttributeId image) {
  ClassSpec s = world.random_spec();
  for (std::uint32_t z = 0; z < world.zones(); ++z)
    s.asked.push_back(static_cast<std::int32_t>(world.below(1001)));
  s.asked.resize(world.zones());
  s.image = {image};
  s.wishes = {{1, 20'000}, {12, -30'000}, {20, 50'000}};
  s.peers = {peers};
  s.preferences = {{peers, Topology::zone, 40'000}, {peers, Topology::node, 10'000}};
  s.anti_affinity = {{s.spread.own, Topology::node}};
  s.spread.max_skew = 2;
  return s;
}

/// A tenth of the nodes have GPUs; for each of them the fragmentation term is worked out.
ClassSpec gpu_spec(World& world) {
  ClassSpec s = world.random_spec();
  if (world.below(2) == 0) {
    s.request.gpus = 1;
  } else {
    s.request.gpu_share = 100 + static_cast<std::int32_t>(world.below(900));
  }
  return s;
}

enum class Kind { usual, rich, gpu };

nlohmann::json bench_cold(World& world, Kind kind = Kind::usual) {
  Samples samples;
  Tenants tenants(world);
  const int decisions = world.nodes() > 50'000 ? 3000 : 20'000;
  const GroupId peers = world.engine.add_group();
  const AttributeId image = world.engine.add_attribute();
  for (std::uint32_t i = 0; i < world.nodes() / 100 + 1; ++i) {
    world.engine.count(peers, world.below(world.nodes()), true);
    world.engine.set_attribute(image, world.below(world.nodes()), true);
  }
  for (int i = 0; i < decisions; ++i) {
    const ClassSpec spec = kind == Kind::rich  ? rich_spec(world, peers, image)
                           : kind == Kind::gpu ? gpu_spec(world)
                                               : world.random_spec();
    ClassId id = 0;
    Choice choice;
    samples.measure([&] {
      id = world.engine.use(spec);
      choice = world.engine.best(id);
      if (choice) world.engine.commit(id, choice.node);
    });
    if (kind == Kind::gpu && choice) world.engine.release(id, choice.node, choice.gpus);
    world.engine.drop(id);
    if (kind != Kind::gpu && choice) tenants.add(spec.request, choice.node);
  }
  return samples.json();
}

nlohmann::json bench_warm(World& world) {
  Samples samples;
  Tenants tenants(world);
  std::vector<ClassId> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(world.engine.use(world.random_spec()));
  for (const ClassId id : ids) world.engine.best(id);
  for (int i = 0; i < 40'000; ++i) {
    const ClassId id = ids[world.below(100)];
    Choice choice;
    samples.measure([&] {
      choice = world.engine.best(id);
      if (choice) world.engine.commit(id, choice.node);
    });
    if (choice) tenants.add(world.engine.classes().spec(id).request, choice.node);
  }
  for (const ClassId id : ids) world.engine.drop(id);
  return samples.json();
}

void release_all(World& world, ClassId id, const std::vector<Choice>& placed) {
  for (const Choice& choice : placed) world.engine.release(id, choice.node, choice.gpus);
}

/// The best of some runs of one batch, from the first look at the class on.
double batch_per_second(World& world, const ClassSpec& spec, std::uint32_t replicas = kReplicas) {
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    const auto from = Clock::now();
    const ClassId id = world.engine.use(spec);
    const std::vector<Choice> placed = world.engine.place(id, replicas);
    best = std::max(best, static_cast<double>(placed.size()) / seconds_since(from));
    release_all(world, id, placed);
    world.engine.drop(id);
  }
  return best;
}

/// Workloads one after the other that nothing is known of: placements a second, all work counted.
double fresh_per_second(World& world, std::uint32_t replicas) {
  // No more than the cluster has room for.
  const int workloads =
      static_cast<int>(std::min(2 * world.nodes(), std::max(100U, 2'000'000 / world.nodes())));
  double best = 0;
  for (int run = 0; run < 3; ++run) {
    std::vector<ClassSpec> specs;
    for (int i = 0; i < workloads; ++i) specs.push_back(world.random_spec());
    std::vector<ClassId> ids;
    std::vector<std::vector<Choice>> placed;
    std::size_t count = 0;
    const auto from = Clock::now();
    for (const ClassSpec& spec : specs) {
      ids.push_back(world.engine.use(spec));
      placed.push_back(world.engine.place(ids.back(), replicas));
      count += placed.back().size();
    }
    best = std::max(best, static_cast<double>(count) / seconds_since(from));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      release_all(world, ids[i], placed[i]);
      world.engine.drop(ids[i]);
    }
  }
  return best;
}

/// Ten replicas placed, then one asked about that fits nowhere, over and over.
double unschedulable_per_second(World& world) {
  const ClassId basic = world.engine.use(world.spec(100, 128));
  ClassSpec too_large = world.spec(1'000'000, 128);
  const ClassId large = world.engine.use(too_large);
  std::vector<Choice> placed;
  const auto from = Clock::now();
  while (placed.size() < kReplicas) {
    const std::vector<Choice> ten = world.engine.place(basic, 10);
    placed.insert(placed.end(), ten.begin(), ten.end());
    if (ten.empty() || world.engine.best(large)) break;
  }
  const double rate = static_cast<double>(placed.size()) / seconds_since(from);
  release_all(world, basic, placed);
  world.engine.drop(basic);
  world.engine.drop(large);
  return rate;
}

/// A replica for each node, each of which may run on that node only.
double daemonset_per_second(World& world) {
  const std::uint32_t replicas = std::min(world.nodes(), kReplicas);
  std::vector<ClassSpec> specs;
  for (NodeIndex node = 0; node < replicas; ++node) {
    ClassSpec spec = world.spec(100, 128);
    const AttributeId name = world.engine.add_attribute();
    world.engine.set_attribute(name, node, true);
    spec.fixed.push_back({name, true});
    specs.push_back(spec);
  }
  std::vector<std::pair<ClassId, NodeIndex>> placed;
  const auto from = Clock::now();
  std::uint32_t count = 0;
  for (const ClassSpec& spec : specs) {
    const ClassId id = world.engine.use(spec);
    const Choice choice = world.engine.best(id);
    if (choice) {
      world.engine.commit(id, choice.node);
      placed.emplace_back(id, choice.node);
      ++count;
    }
    world.engine.drop(id);
  }
  const double rate = count / seconds_since(from);
  for (const auto& [id, node] : placed) world.engine.give(node, {100, 128, 10, 0, 0, 0});
  return rate;
}

nlohmann::json bench_workloads(World& world) {
  nlohmann::json out;
  const auto basic = [&] { return world.spec(100, 128); };
  out["Basic"] = batch_per_second(world, basic());

  ClassSpec node_affinity = basic();
  node_affinity.fixed.push_back({0, true});  // a label of half the nodes
  out["NodeAffinity"] = batch_per_second(world, node_affinity);

  ClassSpec spreading = basic();
  spreading.spread.max_skew = 1;
  spreading.spread.hard_over = Topology::zone;
  out["TopologySpreading"] = batch_per_second(world, spreading);

  ClassSpec anti = basic();
  anti.anti_affinity.push_back({anti.spread.own, Topology::node});
  out["PodAntiAffinity"] = batch_per_second(world, anti, std::min(kReplicas, world.nodes()));

  ClassSpec affinity = basic();
  affinity.affinity.push_back({affinity.spread.own, Topology::zone, true});
  affinity.peers.push_back(affinity.spread.own);
  out["PodAffinity"] = batch_per_second(world, affinity);

  ClassSpec preferred = basic();
  preferred.preferences.push_back({preferred.spread.own, Topology::node, -50'000});
  preferred.wishes.push_back({1, 20'000});
  out["PreferredPodAffinity"] = batch_per_second(world, preferred);

  out["Unschedulable"] = unschedulable_per_second(world);
  out["Daemonset-like"] = daemonset_per_second(world);
  return out;
}

double bytes_per_group(World& world) {
  constexpr int kGroups = 1000;
  const auto before = static_cast<double>(world.engine.cluster().set_bytes());
  for (int g = 0; g < kGroups; ++g) {
    const GroupId group = world.engine.add_group();
    for (int i = 0; i < 10; ++i) world.engine.count(group, world.below(world.nodes()), true);
  }
  return (static_cast<double>(world.engine.cluster().set_bytes()) - before) / kGroups;
}

/// A node changes its zone, which lays all nodes out anew, and a class is asked for its best node.
nlohmann::json bench_moved_node(World& world) {
  Samples samples;
  const ClassId id = world.engine.use(world.spec(100, 128));
  for (int i = 0; i < 20; ++i) {
    const NodeIndex node = world.below(world.nodes());
    NodeRow row;
    row.cpu = row.room_cpu = row.memory = row.room_memory = 8000;
    row.zone = (world.engine.cluster().layout().zone_of(node) + 1) % world.zones();
    samples.measure([&] {
      world.engine.put(node, row);
      world.engine.best(id);
    });
  }
  world.engine.drop(id);
  return samples.json();
}

nlohmann::json bench_memory(World& world) {
  const ClassId id = world.engine.use(world.random_spec());
  world.engine.best(id);
  const double nodes = world.nodes();
  nlohmann::json out{{"bytes_per_node", static_cast<double>(world.engine.cluster().node_bytes()) / nodes},
                     {"attribute_bytes_per_node",
                      static_cast<double>(world.engine.cluster().set_bytes()) / nodes / (kLabels + kTaints)},
                     {"bytes_per_class", world.engine.classes().bytes()},
                     {"bytes_per_group_of_10", bytes_per_group(world)}};
  world.engine.drop(id);
  return out;
}

nlohmann::json bench_histogram(World& world) {
  Samples samples;
  const ClassId id = world.engine.use(world.random_spec());
  for (int i = 0; i < 200; ++i) samples.measure([&] { world.engine.why(id); });
  world.engine.drop(id);
  return samples.json();
}

nlohmann::json bench_size(std::uint32_t nodes, const Kernel& kernel) {
  nlohmann::json out;
  const auto from = Clock::now();
  World world(nodes, kernel);
  out["load_ms"] = seconds_since(from) * 1e3;
  out["memory"] = bench_memory(world);
  out["workloads_per_second"] = bench_workloads(world);
  out["fresh_workloads_of_10_per_second"] = fresh_per_second(world, 10);
  out["histogram"] = bench_histogram(world);
  World quiet(nodes, kernel);
  out["cold"] = bench_cold(quiet);
  out["cold_rich"] = bench_cold(quiet, Kind::rich);
  out["cold_gpu"] = bench_cold(quiet, Kind::gpu);
  out["moved_node"] = bench_moved_node(quiet);
  out["warm"] = bench_warm(quiet);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::uint32_t> sizes;
  for (int i = 1; i < argc; ++i)
    sizes.push_back(static_cast<std::uint32_t>(std::strtoul(argv[i], nullptr, 10)));
  if (sizes.empty()) sizes = {100, 1000, 5000, 10'000, 100'000};
  nlohmann::json out;
  std::vector<const Kernel*> kernels{&plain_kernel()};
  if (vector_kernel() != nullptr) kernels.insert(kernels.begin(), vector_kernel());
  for (const Kernel* kernel : kernels)
    for (const std::uint32_t nodes : sizes)
      out[kernel->name][std::to_string(nodes)] = bench_size(nodes, *kernel);
  std::printf("%s\n", out.dump(1).c_str());
}
