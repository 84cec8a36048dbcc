// What the tests of a pass need.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "actors/scheduler/scheduler.hpp"
#include "tests/support/snapshot_builder.hpp"

namespace cloudless::scheduler {

using test::SnapshotBuilder;

inline std::function<void(WorkloadSpec&)> spec_of(std::int64_t millicores, std::uint32_t priority,
                                                  std::uint32_t floor = 0) {
  return [=](WorkloadSpec& s) {
    s.pod.requests = Resources{millicores, 1 << 20, 0, 0, 0};
    s.priority = priority;
    s.replicas = 100;
    s.rollout.min_available = floor;
  };
}

/// A world and a scheduler that follows it; what it proposes is carried out by hand.
class PassTest {
 public:
  std::vector<ProposalItem> propose(std::size_t limit = 100) {
    catch_up();
    return scheduler.propose(limit, now);
  }
  /// As the owner would; returns what was proposed: "stop low-...-0 for high-...-0", "assign ... a",
  /// "together ... a" for each of a gang.
  std::vector<std::string> step() {
    std::vector<std::string> out;
    for (const auto& item : propose(limit)) {
      if (const auto* assign = std::get_if<AssignReplica>(&item)) {
        out.push_back("assign " + assign->replica.value + " " + assign->node.value);
        world.change_replica(assign->replica, SnapshotBuilder::running(assign->node.value));
      } else if (const auto* gang = std::get_if<AssignGang>(&item)) {
        for (const auto& member : gang->members) {
          out.push_back("together " + member.replica.value + " " + member.node.value);
          world.change_replica(member.replica, SnapshotBuilder::running(member.node.value));
        }
      } else if (const auto* stop = std::get_if<StopReplica>(&item)) {
        CHECK(stop->cause == StopCause::preempted);
        out.push_back("stop " + stop->replica.value + " for " + stop->for_replica.value);
        world.change_replica(stop->replica, [&](Replica& r) {
          r.stop = StopCause::preempted;
          r.ready = false;
          r.preempted_for = stop->for_replica;
        });
      } else {
        const auto& explain = std::get<ExplainPending>(item);
        world.change_replica(explain.replica, [&](Replica& r) { r.reason = explain.reason; });
      }
    }
    return out;
  }
  std::string reason(const std::string& workload, std::uint64_t ordinal = 0) const {
    return world.view().replica(SnapshotBuilder::id(workload, ordinal))->reason;
  }
  void ends(const std::string& workload, std::uint64_t ordinal) {
    world.change_replica(SnapshotBuilder::id(workload, ordinal),
                         [](Replica& r) { r.phase = Phase::stopped; });
  }
  static std::string stop(const std::string& victim, std::uint64_t n, const std::string& winner,
                          std::uint64_t m) {
    return "stop " + SnapshotBuilder::id(victim, n).value + " for " + SnapshotBuilder::id(winner, m).value;
  }
  static std::string assign(const std::string& workload, std::uint64_t n, const std::string& node) {
    return "assign " + SnapshotBuilder::id(workload, n).value + " " + node;
  }

  static std::string together(const std::string& workload, std::uint64_t n, const std::string& node) {
    return "together " + SnapshotBuilder::id(workload, n).value + " " + node;
  }

  SnapshotBuilder world;
  Scheduler scheduler;
  Millis now = 1'000'000;
  std::size_t limit = 100;

 private:
  void catch_up() {
    const auto& all = world.commits();
    if (seen_ == 0)
      scheduler.load(world.share());
    else
      scheduler.apply({all.begin() + static_cast<std::ptrdiff_t>(seen_), all.end()}, world.share());
    seen_ = all.size();
  }
  std::size_t seen_ = 0;
};

using Steps = std::vector<std::string>;

}  // namespace cloudless::scheduler
