#include <doctest/doctest.h>

#include <algorithm>

#include "actors/rollout/failure_words.hpp"
#include "actors/rollout/reconcile.hpp"
#include "actors/rollout/rollout.hpp"
#include "tests/support/snapshot_builder.hpp"

using namespace cloudless;
using cloudless::test::SnapshotBuilder;

namespace {

constexpr Millis kNow = 1'000'000;

WorkloadUid web() {
  return SnapshotBuilder::uid("web");
}

std::function<void(Replica&)> ready_in(std::uint64_t version) {
  return [=](Replica& r) {
    SnapshotBuilder::running("a")(r);
    r.version = version;
    r.running_at = r.ready_at = r.first_ready_at = kNow - 500'000;
  };
}
std::function<void(Replica&)> unready_in(std::uint64_t version, Millis running_at) {
  return [=](Replica& r) {
    SnapshotBuilder::running("a", false)(r);
    r.version = version;
    r.running_at = running_at;
  };
}

/// Workload web at version 2 with its rollouts: 1 completed, 2 from version 1 and active.
SnapshotBuilder rolling_world(std::uint32_t wanted, const std::function<void(WorkloadSpec&)>& change = {}) {
  SnapshotBuilder world;
  world.node("a").node("b").workload("web", [&](WorkloadSpec& s) { s.replicas = wanted; });
  world.workload("web", [&](WorkloadSpec& s) {
    s.pod.image = "image:2";
    if (change) change(s);
  });
  Version first = *world.view().version(web(), 1);
  first.proven = true;
  Workload workload = *world.view().workload(web());
  workload.rollout = 2;
  workload.latest_version = 2;
  Rollout one, two;
  one.workload = two.workload = web();
  one.state = RolloutState::completed;
  two.number = 2;
  two.cause = RolloutCause::updated;
  two.from_version = 1;
  two.to_version = 2;
  two.started_at = two.progress_from = two.mark = kNow - 1000;
  world.commit({put(std::make_shared<const Version>(first)), put(std::make_shared<const Workload>(workload)),
                put(std::make_shared<const Rollout>(one)), put(std::make_shared<const Rollout>(two))});
  return world;
}

void change_rollout(SnapshotBuilder& world, const std::function<void(Rollout&)>& change) {
  Rollout r = *world.view().rollout(web(), 2);
  change(r);
  world.commit({put(std::make_shared<const Rollout>(r))});
}

rollout::Reconciled next_of(const SnapshotBuilder& world, Millis now = kNow) {
  return rollout::reconcile(world.view(), *world.view().workload(web()), now);
}

template <class Item>
std::vector<Item> all(const std::vector<ProposalItem>& items) {
  std::vector<Item> out;
  for (const auto& item : items)
    if (const auto* one = std::get_if<Item>(&item)) out.push_back(*one);
  return out;
}

}  // namespace

TEST_CASE("What is added names its version, the next ordinal and the current version") {
  auto world = rolling_world(3);
  for (int i = 0; i < 3; ++i) world.replica("web", ready_in(1));
  CHECK(next_of(world).items == std::vector<ProposalItem>{AddReplicas{web(), 2, 3, 1, 2}});
  change_rollout(world, [](Rollout& r) { r.paused = true; });
  CHECK(next_of(world).items.empty());
  world.change_replica(SnapshotBuilder::id("web", 1),
                       SnapshotBuilder::ended(Phase::lost, StopCause::node_lost));
  CHECK(next_of(world).items == std::vector<ProposalItem>{AddReplicas{web(), 1, 3, 1, 2}});
}

TEST_CASE("Sets of two versions are added with ordinals that follow one another") {
  auto world = rolling_world(2, [](WorkloadSpec& s) { s.rollout.strategy = RolloutStrategy::blue_green; });
  Workload workload = *world.view().workload(web());
  workload.serving_version = 1;
  world.commit({put(std::make_shared<const Workload>(workload))});
  world.replica("web", ready_in(1));
  CHECK(next_of(world).items ==
        std::vector<ProposalItem>{AddReplicas{web(), 1, 1, 1, 2}, AddReplicas{web(), 2, 2, 2, 2}});
  world.replica("web", ready_in(1)).replica("web", ready_in(2)).replica("web", ready_in(2));
  CHECK(next_of(world).items ==
        std::vector<ProposalItem>{
            SwitchServing{web(), 2, 2},
            EndRollout{web(), 2, RolloutState::completed, "", 0, world.view().workload(web())->revision}});
}

TEST_CASE("A rollout ends as completed, or as failed with the words of the newest failing replica") {
  auto world = rolling_world(2);
  const auto revision = world.view().workload(web())->revision;
  world.replica("web", ready_in(1)).replica("web", ready_in(1));
  world.replica("web", [](Replica& r) {
    unready_in(2, kNow - 60'000)(r);
    r.reason = "HTTP 503 from /ready";
  });
  change_rollout(world, [](Rollout& r) { r.started_at = r.progress_from = kNow - 70'000; });
  auto next = next_of(world);
  const std::string why = SnapshotBuilder::id("web", 2).value +
                          " did not become ready within 60 s of running: HTTP 503 from /ready";
  CHECK(next.items ==
        std::vector<ProposalItem>{EndRollout{web(), 2, RolloutState::failed, why, 1, revision}});
  CHECK(next_of(world, kNow - 1).items.empty());
  CHECK(next_of(world, kNow - 1).wake_at == kNow);
  for (int i : {0, 1})
    world.change_replica(SnapshotBuilder::id("web", i), SnapshotBuilder::ended(Phase::stopped));
  world.change_replica(SnapshotBuilder::id("web", 2), ready_in(2)).replica("web", ready_in(2));
  CHECK(next_of(world).items ==
        std::vector<ProposalItem>{EndRollout{web(), 2, RolloutState::completed, "", 0, revision}});
}

TEST_CASE("A canary is promoted when it was good for long enough, and a deadline's time is noted") {
  auto world = rolling_world(2, [](WorkloadSpec& s) { s.rollout.canary = Canary{{1, false}, 10'000}; });
  world.replica("web", ready_in(1)).replica("web", ready_in(2));
  CHECK(all<PromoteRollout>(next_of(world).items) == std::vector<PromoteRollout>{{web(), 2}});
  auto plain = rolling_world(1);
  plain.replica("web", ready_in(1)).replica("web", unready_in(2, kNow - 10));
  CHECK(next_of(plain).items.empty());
  CHECK(next_of(plain, kNow + 29'000).items == std::vector<ProposalItem>{MarkTime{web(), 2}});
}

TEST_CASE("Versions and rollouts are kept as far as the history goes, and what is needed always") {
  auto world = rolling_world(0, [](WorkloadSpec& s) { s.rollout.history_limit = 2; });
  std::vector<Change> changes;
  Workload workload = *world.view().workload(web());
  workload.version = workload.latest_version = 9;
  workload.rollout = 9;
  changes.push_back(put(std::make_shared<const Workload>(workload)));
  for (std::uint64_t n = 2; n <= 9; ++n) {
    changes.push_back(put(std::make_shared<const Version>(Version{web(), n, workload.spec.pod})));
    Rollout r;
    r.workload = web();
    r.number = n;
    r.from_version = n - 1;
    r.to_version = n;
    r.state = n == 9 ? RolloutState::failed : RolloutState::superseded;
    changes.push_back(put(std::make_shared<const Rollout>(r)));
  }
  world.commit(std::move(changes));
  world.replica("web", SnapshotBuilder::ended(Phase::stopped));
  world.change_replica(SnapshotBuilder::id("web", 0), [](Replica& r) { r.version = 3; });
  const auto items = next_of(world, kNow).items;
  std::vector<std::uint64_t> versions, rollouts;
  for (const auto& item : all<ForgetVersion>(items)) versions.push_back(item.version);
  for (const auto& item : all<ForgetRollout>(items)) rollouts.push_back(item.rollout);
  // Kept: 1 was ready, 3 has a replica, 8 is where the rollout comes from, 9 is current; 7 and 6 as history.
  CHECK(versions == std::vector<std::uint64_t>{5, 4, 2});
  CHECK(rollouts == std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("The decider wakes for the earliest of the workloads that wait, and looks at them then") {
  auto world = rolling_world(1);
  world.replica("web", ready_in(1)).replica("web", unready_in(2, kNow - 10));
  rollout::Rollout decider;
  decider.load(world.share());
  CHECK_FALSE(decider.wake_at());
  CHECK(decider.propose(10, kNow).empty());
  REQUIRE(decider.wake_at() == kNow + 29'000);
  CHECK(decider.propose(10, kNow + 28'999).empty());
  CHECK(decider.wake_at() == kNow + 29'000);
  CHECK(decider.propose(10, kNow + 29'000).size() == 1);
  CHECK(decider.wake_at() == kNow + 59'990);
  decider.load(world.share());
  CHECK_FALSE(decider.wake_at());
}

TEST_CASE("Words of a failure name what is known: the reason, else a probe, the last end, the exit code") {
  rollout::WorkloadView view;
  view.policy.progress_deadline = 90'500;
  rollout::Verdict verdict;
  verdict.state = RolloutState::failed;
  verdict.failure = rollout::Failure::deadline;
  CHECK(rollout::failure_words(view, verdict, nullptr) == "no progress for 90.5 s");
  Replica r;
  r.id = ReplicaId{"web-1"};
  r.phase = Phase::backoff;
  CHECK(rollout::failure_words(view, verdict, &r) == "no progress for 90.5 s; web-1 is BACKOFF");
  verdict.failure = rollout::Failure::ended;
  r.exit_code = 3;
  CHECK(rollout::failure_words(view, verdict, &r) == "web-1 failed for good: exit code 3");
  r.last_end = "exit code 3 after 2 s";
  CHECK(rollout::failure_words(view, verdict, &r) == "web-1 failed for good: exit code 3 after 2 s");
  r.probes.edit().push_back({ProbeKind::startup, ProbeStanding::failing, "connection refused", 1});
  CHECK(rollout::failure_words(view, verdict, &r) == "web-1 failed for good: connection refused");
  r.reason = std::string(1022, 'x') + "\xc3\xa9";
  const auto words = rollout::failure_words(view, verdict, &r);
  CHECK(words.size() == 1024);
  r.reason = std::string(1000, 'x') + "\xc3\xa9";  // the limit is in the middle of it
  CHECK(rollout::failure_words(view, verdict, &r).back() == 'x');
}
