#include "chaos/simulator/turnover.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;

namespace {

std::vector<std::string> broken_by(const SnapshotBuilder& world) {
  sim::Turnover turnover;
  Snapshot before;
  std::vector<std::string> out;
  for (const auto& commit : world.commits()) {
    Snapshot after = before;
    after.apply(commit);
    for (const auto& breach : turnover.check(before, commit, after)) out.push_back(breach.invariant);
    before = after;
  }
  return out;
}

/// What measures the link says nothing to anybody.
void let_news_arrive(SnapshotBuilder& world) {
  for (std::uint32_t i = 1; i <= 24; ++i) world.node("a", [&](Node& n) { n.link_rtt_ms = i; });
}

SnapshotBuilder calm() {
  SnapshotBuilder world;
  world.node("a").workload("web", [](WorkloadSpec& s) { s.replicas = 2; });
  world.replica("web").replica("web");
  let_news_arrive(world);
  return world;
}

void stop(SnapshotBuilder& world, std::uint64_t ordinal, StopCause cause = StopCause::scale) {
  world.change_replica(SnapshotBuilder::id("web", ordinal), [&](Replica& r) { r.stop = cause; });
}

const std::vector<std::string> kStopped{"what was started is not stopped before something has changed"};

}  // namespace

TEST_CASE("What was started is not stopped while nothing changes") {
  auto world = calm();
  world.replica("web");
  world.change_replica(SnapshotBuilder::id("web", 2), SnapshotBuilder::running("a"));
  CHECK(broken_by(world).empty());
  auto another = world;
  stop(another, 0);  // it was there before
  CHECK(broken_by(another).empty());
  stop(world, 2);
  CHECK(broken_by(world) == kStopped);
}

TEST_CASE("Whatever a workload depends on is a reason to stop what was started") {
  using World = SnapshotBuilder;
  const std::vector<std::function<void(World&)>> reasons{
      [](World& w) { w.workload("web", [](WorkloadSpec& s) { s.replicas = 1; }); },
      [](World& w) { w.node("a", [](Node& n) { n.draining = true; }); },
      [](World& w) { w.node("b"); },
      [](World& w) { w.remove_workload("web"); },
      [](World& w) {
        w.change_replica(World::id("web", 2), [](Replica& r) { r.evict = StopCause::rebalance; });
      },
      [](World& w) {
        auto version = *w.view().version(World::uid("web"), 1);
        version.proven = true;
        w.commit({put(std::make_shared<const Version>(version))});
      },
      [](World& w) {
        Rollout rollout;
        rollout.workload = World::uid("web");
        w.commit({put(std::make_shared<const Rollout>(rollout))});
      }};
  for (const auto& reason : reasons) {
    auto world = calm();
    world.replica("web");
    reason(world);
    stop(world, 2);
    CHECK(broken_by(world).empty());
  }
}

TEST_CASE("What was decided before the last change was known is not judged") {
  auto world = calm();
  world.node("a", [](Node& n) { n.cordoned = true; });
  world.replica("web");
  stop(world, 2);
  CHECK(broken_by(world).empty());
}

TEST_CASE("A place is taken for one that waited already only if somebody else made room") {
  auto world = calm();
  world.workload("high", [](WorkloadSpec& s) { s.priority = 9; }).replica("high");
  world.workload("other").replica("other");
  let_news_arrive(world);
  world.replica("web");
  const auto preempt = [](SnapshotBuilder& w) {
    w.change_replica(SnapshotBuilder::id("web", 2), [](Replica& r) {
      r.stop = StopCause::preempted;
      r.preempted_for = SnapshotBuilder::id("high", 0);
    });
  };
  auto roomier = world;
  preempt(world);
  CHECK(broken_by(world) == kStopped);
  roomier.change_replica(SnapshotBuilder::id("other", 0), SnapshotBuilder::ended(Phase::failed));
  preempt(roomier);
  CHECK(broken_by(roomier).empty());
}

TEST_CASE("No more is started than could ever be needed, but for what ended by itself") {
  auto world = calm();
  for (std::uint64_t ordinal = 2; ordinal < 2 + 7; ++ordinal) world.replica("web");
  CHECK(broken_by(world).empty());
  world.change_replica(SnapshotBuilder::id("web", 5), SnapshotBuilder::ended(Phase::failed));
  world.replica("web");
  CHECK(broken_by(world).empty());
  world.replica("web");
  CHECK(broken_by(world) == std::vector<std::string>{"no more is started than could ever be needed"});
}
