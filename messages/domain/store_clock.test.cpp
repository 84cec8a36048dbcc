#include "messages/domain/store_clock.hpp"

#include <doctest/doctest.h>

#include <memory>

namespace cloudless {

TEST_CASE("store time goes on with steady time, and from the highest mark it was told of") {
  StoreClock clock;
  clock.observe(0, 1'000'000);
  const Millis begun = clock.now(1'000'000);
  CHECK(begun >= 1);
  CHECK(clock.now(1'000'250) == begun + 250);
  clock.observe(5000, 1'000'300);
  CHECK(clock.now(1'000'300) == 5000);
  CHECK(clock.now(1'000'400) == 5100);
  clock.observe(4000, 1'000'400);
  CHECK(clock.now(1'000'400) == 5100);
  CHECK(clock.now(900'000) == 5100);
}

TEST_CASE("downtime does not count: a new clock goes on from the newest mark") {
  StoreClock before, after;
  before.observe(0, 50);
  before.observe(7000, 60);
  const Millis mark = before.now(100);
  after.observe(mark, 3);
  CHECK(after.now(3) == mark);
  CHECK(after.now(13) == mark + 10);
}

TEST_CASE("the mark of a snapshot is the newest moment in it") {
  Snapshot view;
  CHECK(mark_of(view) == 0);
  Replica replica;
  replica.workload = WorkloadUid{"0123456789"};
  replica.id = replica_id("web", replica.workload, 0);
  replica.ready_at = 40;
  view.apply(put(std::make_shared<const Replica>(replica)));
  CHECK(mark_of(view) == 40);
  Rollout rollout;
  rollout.workload = replica.workload;
  rollout.mark = 90;
  view.apply(put(std::make_shared<const Rollout>(rollout)));
  CHECK(mark_of(view) == 90);
  Node node;
  node.description.id = NodeId{"n1"};
  node.no_execute_since = {{"old", 95}, {"older", 10}};
  const Commit commit{
      1, {put(std::make_shared<const Node>(node)), put(std::make_shared<const Replica>(replica))}};
  CHECK(mark_of(commit) == 95);
  view.apply(put(std::make_shared<const Node>(node)));
  CHECK(mark_of(view) == 95);
}

}  // namespace cloudless
