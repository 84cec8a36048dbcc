#include "gateway/mirror_feed.hpp"

#include <doctest/doctest.h>

#include "messages/caf_error.hpp"

using namespace cloudless;
using namespace cloudless::gateway;

namespace {

struct ManualClock : Clock {
  Millis now = 0;
  Millis steady() const override { return now; }
  WallMillis wall() const override { return now; }
};

struct Config : caf::actor_system_config {
  Config() {
    register_messages(*this);
    set("scheduler.policy", caf::atom("testing"));
  }
};

struct Source {
  SnapshotPtr snapshot = std::make_shared<const Snapshot>();
  std::vector<follower_actor> followers;
  int refuse = 0;
};

source_actor spawn_source(caf::actor_system& system, std::shared_ptr<Source> source) {
  return system.spawn([source](source_actor::pointer) -> source_actor::behavior_type {
    return {[source](follow_atom, const follower_actor& follower) -> caf::result<CommitsPublished> {
      if (source->refuse-- > 0) return to_caf({Errc::unavailable, "not yet", {}});
      source->followers.push_back(follower);
      return CommitsPublished{source->snapshot->revision(), std::make_shared<const std::vector<Commit>>(),
                              source->snapshot};
    }};
  });
}

SnapshotPtr at(Revision revision) {
  Snapshot s;
  s.set_revision(revision);
  return std::make_shared<const Snapshot>(s);
}

}  // namespace

TEST_CASE("the mirror follows, takes a gap as a fresh load, and is closed when its source ends") {
  Config config;
  caf::actor_system system(config);
  auto& scheduler = dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  ManualClock clock;
  auto source = std::make_shared<Source>();
  source->snapshot = at(5);
  source->refuse = 1;
  auto mirror = std::make_shared<Mirror>(History::Limits{});
  auto store = spawn_source(system, source);
  spawn_mirror_feed(system, store, mirror, clock);
  scheduler.run();
  REQUIRE(mirror->present() != nullptr);
  CHECK(mirror->revision() == 5);

  int reached = 0;
  int late = 0;
  mirror->when(6, 1000, [&](bool there) { reached += there; });
  mirror->when(99, 1000, [&](bool there) { late += !there; });
  const auto none = std::make_shared<const std::vector<Commit>>(std::vector<Commit>{{6, {}}});
  caf::anon_send(source->followers.at(0), CommitsPublished{5, none, at(6)});
  scheduler.run();
  CHECK(mirror->revision() == 6);
  CHECK(reached == 1);
  CHECK(mirror->changes_after(5, 10).has_value());

  caf::anon_send(source->followers.at(0), CommitsPublished{7, none, at(9)});
  scheduler.run();
  CHECK(mirror->revision() == 9);
  CHECK_FALSE(mirror->changes_after(6, 10).has_value());

  clock.now = 2000;
  scheduler.advance_time(std::chrono::seconds(1));
  scheduler.run();
  CHECK(late == 1);
  CHECK_FALSE(mirror->closed());
  caf::anon_send_exit(store, caf::exit_reason::kill);
  scheduler.run();
  CHECK(mirror->closed());
  bool ended = false;
  mirror->when(100, 1'000'000, [&](bool there) { ended = !there; });
  CHECK(ended);
}

TEST_CASE("the mirror knows store time from marks, and what a commit was about") {
  Mirror mirror(History::Limits{1'000'000, 1'000});
  CHECK(mirror.store_time(500) == StoreClock{}.now(500));
  const WorkloadUid web{"aaaaaaaaaa"};
  Snapshot now;
  const auto publish = [&](std::vector<Change> changes, Millis steady) {
    Commit commit{now.revision() + 1, std::move(changes)};
    const auto before = now.revision();
    now.apply(commit);
    mirror.publish(
        {before, std::make_shared<const std::vector<Commit>>(std::vector<Commit>{std::move(commit)}),
         std::make_shared<const Snapshot>(now)},
        steady);
    return now.revision();
  };
  Rollout rollout;
  rollout.workload = web;
  rollout.mark = 90'000;
  const auto first = publish({put(std::make_shared<const Rollout>(rollout))}, 1'000);
  CHECK(mirror.store_time(1'000) == 90'000);
  CHECK(mirror.store_time(1'700) == 90'700);
  Node node;
  node.description.id = NodeId{"n1"};
  node.schedulable_revision = 1;
  const auto other = publish({put(std::make_shared<const Node>(node))}, 2'000);
  CHECK(mirror.store_time(2'000) == 91'000);
  CHECK_FALSE(mirror.may_have_changed(web, first));
  rollout.mark = 95'000;
  publish({put(std::make_shared<const Rollout>(rollout))}, 2'000);
  CHECK(mirror.store_time(2'000) == 95'000);
  CHECK(mirror.may_have_changed(web, other));
  CHECK_FALSE(mirror.may_have_changed(web, now.revision()));
  // What is not kept any more may have been anything.
  CHECK(mirror.may_have_changed(web, 0));
}
