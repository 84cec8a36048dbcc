// What planning one step of a rollout costs: a workload of many replicas on 200 nodes, half of them replaced,
// stored in a random order. Prints JSON, milliseconds: "plan" is what the decider does after a commit until
// it has its proposals; "step" is the decision alone in it; "from_snapshot" is the first time, when the
// replicas are still to be read.
//   rollout_step_bench [REPLICAS [RUNS]]
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

#include "actors/rollout/reconcile.hpp"
#include "actors/rollout/rollout.hpp"
#include "actors/rollout/step.hpp"

namespace {

using namespace cloudless;

constexpr std::uint32_t kNodes = 200;
constexpr Millis kNow = 1'000'000;

Replica replica_of(const Workload& workload, std::uint64_t ordinal) {
  Replica r;
  r.workload = workload.uid;
  r.ordinal = ordinal;
  r.id = replica_id(workload.name, workload.uid, ordinal);
  r.version = ordinal < workload.spec.replicas / 2 ? 1 : 2;
  r.phase = Phase::running;
  r.attempt = 1;
  r.node = NodeId{"node-" + std::to_string(ordinal % kNodes)};
  r.ready = true;
  r.address = "10.1.2.3";
  r.container = ContainerId{r.id.value + "-1"};
  r.running_at = r.ready_at = r.first_ready_at = static_cast<Millis>(1000 + ordinal);
  return r;
}

Snapshot snapshot_of(std::uint32_t replicas) {
  Workload workload;
  workload.uid = WorkloadUid{"00000000aa"};
  workload.ns = "default";
  workload.name = "web";
  workload.spec.replicas = replicas;
  workload.version = workload.latest_version = 2;
  workload.rollout = 2;
  workload.next_ordinal = replicas;
  Rollout rollout;
  rollout.workload = workload.uid;
  rollout.number = 2;
  rollout.cause = RolloutCause::updated;
  rollout.from_version = 1;
  rollout.to_version = 2;
  rollout.started_at = rollout.progress_from = rollout.mark = kNow - 1000;

  Snapshot out;
  out.apply(put(std::make_shared<const Workload>(workload)));
  out.apply(put(std::make_shared<const Rollout>(rollout)));
  for (std::uint64_t v : {1, 2})
    out.apply(put(std::make_shared<const Version>(Version{workload.uid, v, workload.spec.pod, {}, v == 1})));
  for (std::uint32_t n = 0; n < kNodes; ++n) {
    Node node;
    node.description.id = NodeId{"node-" + std::to_string(n)};
    out.apply(put(std::make_shared<const Node>(node)));
  }
  std::vector<std::uint64_t> order(replicas);
  for (std::uint32_t i = 0; i < replicas; ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937_64(1));
  for (const auto ordinal : order) {
    Replica r = replica_of(workload, ordinal);
    out.apply(put(std::make_shared<const Replica>(r)));
  }
  return out;
}

/// Of this thread, so that a busy machine does not count.
double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

nlohmann::json shares_of(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
  };
  return {{"p50", at(0.5)}, {"p99", at(0.99)}, {"max", times.back()}};
}

nlohmann::json measure(int runs, const std::function<void(int)>& act) {
  std::vector<double> wall, cpu;
  for (int i = 0; i < runs; ++i) {
    const auto from = std::chrono::steady_clock::now();
    const double cpu_from = cpu_ms();
    act(i);
    cpu.push_back(cpu_ms() - cpu_from);
    wall.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - from).count());
  }
  return {{"wall_ms", shares_of(wall)}, {"cpu_ms", shares_of(cpu)}};
}

/// Commits that each change one replica, and the snapshots after them.
struct Story {
  std::vector<Commit> commits;
  std::vector<SnapshotPtr> after;
};
Story story_of(Snapshot snapshot, const Workload& workload, int length) {
  Story out;
  for (int i = 0; i < length; ++i) {
    const auto ordinal = static_cast<std::uint64_t>(i) * 7919 % workload.spec.replicas;
    Replica r = *snapshot.replica(replica_id(workload.name, workload.uid, ordinal));
    r.ready = !r.ready;
    out.commits.push_back({snapshot.revision() + 1, {put(std::make_shared<const Replica>(r))}});
    snapshot.apply(out.commits.back());
    out.after.push_back(std::make_shared<const Snapshot>(snapshot));
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const auto replicas = static_cast<std::uint32_t>(argc > 1 ? std::atoi(argv[1]) : 10'000);
  const int runs = argc > 2 ? std::atoi(argv[2]) : 2000;
  if (replicas < 2 || runs < 1) {
    std::fprintf(stderr, "rollout_step_bench: REPLICAS at least 2, RUNS at least 1\n");
    return 1;
  }
  const Snapshot snapshot = snapshot_of(replicas);
  const auto workload = snapshot.workload("default", "web");
  const auto view =
      rollout::view_of(snapshot, *workload, rollout::replicas_of(snapshot, workload->uid).facts);
  const Story story = story_of(snapshot, *workload, runs);
  rollout::Rollout decider;
  decider.load(std::make_shared<const Snapshot>(snapshot));
  std::size_t items = decider.propose(100, kNow).size();

  nlohmann::json out;
  out["replicas"] = replicas;
  out["runs"] = runs;
  out["step"] = measure(runs, [&](int) { items += rollout::step(view, kNow).starts.size(); });
  out["plan"] = measure(runs, [&](int i) {
    decider.apply({story.commits[static_cast<std::size_t>(i)]}, story.after[static_cast<std::size_t>(i)]);
    items += decider.propose(100, kNow).size();
  });
  out["from_snapshot"] =
      measure(runs, [&](int) { items += rollout::reconcile(snapshot, *workload, kNow).items.size(); });
  out["items"] = items;
  std::printf("%s\n", out.dump().c_str());
}
