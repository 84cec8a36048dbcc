// What a pass of the scheduler costs where everything is full: replicas of high priority that have others
// evicted (Preemption), and versions that nobody can make room for (Unschedulable). Prints JSON.
//   scheduler_pass_bench [NODES ...]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "actors/scheduler/scheduler.hpp"

namespace {

using namespace cloudless;
using Clock = std::chrono::steady_clock;

constexpr int kTenants = 10;
constexpr std::uint32_t kWinners = 500;

double milliseconds_since(Clock::time_point from) {
  return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

/// Nodes, each full of replicas of ten workloads of priority 0 to 9.
class World {
 public:
  explicit World(std::uint32_t nodes) {
    for (std::uint32_t n = 0; n < nodes; ++n) add_node(n);
    for (int w = 0; w < kTenants; ++w) {
      Workload low = workload("low" + std::to_string(w), 100, static_cast<std::uint32_t>(w));
      for (std::uint32_t n = 0; n < nodes; ++n)
        add_replica(low, [&](Replica& r) {
          r.phase = Phase::running;
          r.ready = true;
          r.node = NodeId{"n" + std::to_string(n)};
        });
      apply({put(std::make_shared<const Workload>(std::move(low)))});
    }
  }

  Workload workload(const std::string& name, std::int64_t millicores, std::uint32_t priority) {
    Workload w;
    w.uid = WorkloadUid{name + std::string(10 - name.size(), 'x')};
    w.ns = "default";
    w.name = name;
    w.spec.pod.image = "image:1";
    w.spec.pod.requests = Resources{millicores, 1 << 20, 0, 0, 0};
    w.spec.priority = priority;
    w.spec.rollout.min_available = 0;
    apply({put(std::make_shared<const Version>(Version{w.uid, 1, w.spec.pod})),
           put(std::make_shared<const Workload>(w))});
    return w;
  }
  template <class Change>
  void add_replica(Workload& w, Change change) {
    Replica r;
    r.workload = w.uid;
    r.ordinal = w.next_ordinal++;
    r.id = replica_id(w.name, w.uid, r.ordinal);
    change(r);
    apply({put(std::make_shared<const Replica>(std::move(r)))});
  }
  void apply(std::vector<Change> changes) {
    commits.push_back(Commit{view.revision() + 1, std::move(changes)});
    view.apply(commits.back());
  }

  Snapshot view;
  std::vector<Commit> commits;

 private:
  void add_node(std::uint32_t n) {
    Node node;
    node.description.id = NodeId{"n" + std::to_string(n)};
    node.description.zone = "z" + std::to_string(n % 3);
    node.description.allocatable = Resources{100 * kTenants, 1 << 30, 1 << 30, 0, 0};
    node.ordinal = n;
    apply({put(std::make_shared<const Node>(std::move(node)))});
  }
};

/// Passes until everybody has somebody stopped for it; what is proposed is carried out in between.
nlohmann::json preemption(std::uint32_t nodes) {
  World world(nodes);
  Workload high = world.workload("high", 250, 100);
  for (std::uint32_t i = 0; i < kWinners; ++i) world.add_replica(high, [](Replica&) {});
  scheduler::Scheduler scheduler;
  scheduler.load(std::make_shared<const Snapshot>(world.view));
  world.commits.clear();
  std::size_t stops = 0, before = 1;
  std::vector<double> passes;
  while (before != stops) {
    before = stops;
    const auto from = Clock::now();
    const auto items = scheduler.propose(100, 1'000'000);
    passes.push_back(milliseconds_since(from));
    for (const auto& item : items)
      if (const auto* stop = std::get_if<StopReplica>(&item)) {
        Replica r = *world.view.replica(stop->replica);
        r.stop = StopCause::preempted;
        r.preempted_for = stop->for_replica;
        world.apply({put(std::make_shared<const Replica>(std::move(r)))});
        ++stops;
      }
    scheduler.apply(world.commits, std::make_shared<const Snapshot>(world.view));
    world.commits.clear();
  }
  double sum = 0;
  for (const double pass : passes) sum += pass;
  return {{"waiting", kWinners},
          {"stops", stops},
          {"passes", passes.size()},
          {"longest_pass_ms", *std::max_element(passes.begin(), passes.end())},
          {"sum_ms", sum}};
}

/// Many versions that fit nowhere and for which nobody is low enough, or for which too many would have to go.
nlohmann::json unschedulable(std::uint32_t nodes) {
  World world(nodes);
  for (int w = 0; w < 200; ++w) {
    Workload big = world.workload("big" + std::to_string(w), 100 * kTenants + 1, w % 2 == 0 ? 0 : 50);
    world.add_replica(big, [](Replica&) {});
  }
  scheduler::Scheduler scheduler;
  scheduler.load(std::make_shared<const Snapshot>(world.view));
  std::vector<double> passes;
  std::size_t reasons = 0;
  do {
    const auto from = Clock::now();
    const auto items = scheduler.propose(1000, 1'000'000);
    passes.push_back(milliseconds_since(from));
    reasons = items.size();
  } while (scheduler.wake_at() == 1'000'000 && passes.size() < 1000);
  double sum = 0;
  for (const double pass : passes) sum += pass;
  return {{"versions", 200},
          {"reasons", reasons},
          {"passes", passes.size()},
          {"longest_pass_ms", *std::max_element(passes.begin(), passes.end())},
          {"sum_ms", sum}};
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::uint32_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(static_cast<std::uint32_t>(std::atoi(argv[i])));
  if (sizes.empty()) sizes = {100, 1000, 5000, 10'000};
  nlohmann::json out;
  for (const auto nodes : sizes)
    out[std::to_string(nodes)] = {{"Preemption", preemption(nodes)}, {"Unschedulable", unschedulable(nodes)}};
  std::puts(out.dump(2).c_str());
}
