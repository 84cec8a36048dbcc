#include "actors/workload_state/followers.hpp"

#include <doctest/doctest.h>

#include "actors/workload_state/withdrawals.hpp"
#include "tests/support/snapshot_builder.hpp"

namespace cloudless::workload_state {
namespace {

using test::SnapshotBuilder;

EndpointFollowing says(const std::string& who, Revision seen, Millis lease = 1000) {
  return {who, "default", "web", seen, lease};
}

TEST_CASE("a workload is followed while a follower's lease lasts") {
  Followers f;
  CHECK_FALSE(f.any("default", "web", 0));
  f.take(says("a", 5), 100);
  CHECK(f.any("default", "web", 1099));
  CHECK_FALSE(f.any("default", "db", 1099));
  CHECK_FALSE(f.any("other", "web", 1099));
  CHECK_FALSE(f.any("default", "web", 1100));
  CHECK(f.next_end(100) == 1100);
  f.take(says("a", 5), 1000);
  CHECK(f.any("default", "web", 1999));
  f.take(says("a", 5, 0), 1500);
  CHECK_FALSE(f.any("default", "web", 1500));
  CHECK_FALSE(f.next_end(1500).has_value());
}

TEST_CASE("a revision is known when everybody who is there has seen it") {
  Followers f;
  CHECK(f.all_have_seen("default", "web", 9, 0));
  f.take(says("a", 9), 0);
  f.take(says("b", 8, 500), 0);
  CHECK_FALSE(f.all_have_seen("default", "web", 9, 0));
  SUBCASE("the last one follows") {
    f.take(says("b", 9, 500), 10);
    CHECK(f.all_have_seen("default", "web", 9, 10));
    // What was seen stays seen, whatever comes late.
    f.take(says("b", 3, 500), 10);
    CHECK(f.all_have_seen("default", "web", 9, 10));
  }
  SUBCASE("the last one leaves") {
    f.take(says("b", 8, 0), 10);
    CHECK(f.all_have_seen("default", "web", 9, 10));
  }
  SUBCASE("the last one's lease ends") {
    CHECK_FALSE(f.all_have_seen("default", "web", 9, 499));
    CHECK(f.all_have_seen("default", "web", 9, 500));
  }
}

TEST_CASE("after a start, workloads that were there may have followers that were not heard of yet") {
  SnapshotBuilder b;
  b.workload("web");
  Followers f;
  f.presume(b.view(), 100);
  CHECK(f.any("default", "web", 5099));
  CHECK_FALSE(f.any("default", "db", 100));
  f.take(says("a", 9, 60'000), 200);
  CHECK_FALSE(f.all_have_seen("default", "web", 9, 5099));
  CHECK(f.next_end(200) == 5100);
  CHECK(f.all_have_seen("default", "web", 9, 5100));
  CHECK(f.any("default", "web", 5100));
}

TEST_CASE("what cannot be is left out, and no more followers are kept than are waited for") {
  Followers f;
  f.take(says("", 1), 0);
  f.take(says(std::string(129, 'x'), 1), 0);
  CHECK_FALSE(f.any("default", "web", 0));
  f.take(says("a", 1, 1'000'000'000), 0);
  CHECK_FALSE(f.any("default", "web", 60'000));
  for (std::size_t i = 0; i <= Followers::kMost; ++i)
    f.take({"f" + std::to_string(i), "default", "w" + std::to_string(i), 1, 1000}, 60'000);
  CHECK(f.any("default", "w0", 60'000));
  CHECK_FALSE(f.any("default", "w" + std::to_string(Followers::kMost), 60'000));
  // Those whose lease has ended make room.
  f.take(says("late", 1), 61'000);
  CHECK(f.any("default", "web", 61'000));
}

/// web-0 was withdrawn at store time 500 for a rollout.
class WithdrawalTest {
 public:
  WithdrawalTest() {
    b.node("n1").workload("web", [](WorkloadSpec& s) { s.pod.termination_grace = 2000; });
    b.replica("web", [](Replica& r) {
      SnapshotBuilder::running("n1")(r);
      r.serving = false;
      r.withdrawn = StopCause::rollout;
      r.withdrawn_at = 500;
    });
    w.apply(b.commits());
    revision = b.view().revision();
  }
  static ReplicaId id() { return SnapshotBuilder::id("web", 0); }
  /// Whether it is stopped.
  bool stops(Millis steady, Millis moment) {
    owner::Plan plan(b.view());
    w.stop_due(plan, followers, steady, moment);
    const auto units = plan.take_units();
    const auto replica = plan.now().replica(id());
    CHECK(replica->stop_requested() == !units.empty());
    if (replica->stop_requested()) {
      CHECK(replica->stop == StopCause::rollout);
      CHECK_FALSE(replica->ready);
    }
    return !units.empty();
  }

  SnapshotBuilder b;
  Withdrawals w;
  Followers followers;
  Revision revision = 0;
};

TEST_CASE_FIXTURE(WithdrawalTest, "what was withdrawn stops when its followers know") {
  followers.take(says("a", revision - 1, 60'000), 0);
  CHECK_FALSE(stops(0, 600));
  followers.take(says("a", revision, 60'000), 0);
  CHECK(stops(0, 600));
}

TEST_CASE_FIXTURE(WithdrawalTest, "what was withdrawn stops when nobody follows any more") {
  followers.take(says("a", revision - 1), 0);
  CHECK_FALSE(stops(999, 600));
  CHECK(w.next_look(b.view(), followers, 0, 600) == 1000);
  CHECK(w.next_look(b.view(), followers, 700, 600) == 300);
  CHECK(stops(1000, 600));
}

TEST_CASE_FIXTURE(WithdrawalTest, "a follower holds a stop up for no longer than the grace period") {
  followers.take(says("a", 0, 60'000), 0);
  CHECK_FALSE(stops(0, 2499));
  CHECK(w.next_look(b.view(), followers, 0, 2400) == 100);
  CHECK(stops(0, 2500));
}

TEST_CASE_FIXTURE(WithdrawalTest, "nobody waits longer than half a minute") {
  b.change_replica(id(), [](Replica& r) { r.version = 2; });
  b.workload("web", [](WorkloadSpec& s) { s.pod.termination_grace = 3600'000; });
  followers.take(says("a", 0, 60'000), 0);
  CHECK_FALSE(stops(0, 30'499));
  CHECK(stops(0, 30'500));
}

TEST_CASE_FIXTURE(WithdrawalTest, "a loaded state counts as the revision at which it was withdrawn") {
  b.node("n2");
  w.load(b.view());
  followers.take(says("a", revision, 60'000), 0);
  CHECK_FALSE(stops(0, 600));
  followers.take(says("a", b.view().revision(), 60'000), 0);
  CHECK(stops(0, 600));
}

TEST_CASE_FIXTURE(WithdrawalTest, "what has ended, was stopped or is forgotten is not waited for") {
  SUBCASE("ended") {
    b.change_replica(id(), [](Replica& r) { r.phase = Phase::failed; });
  }
  SUBCASE("stopped") {
    b.change_replica(id(), [](Replica& r) { r.stop = StopCause::rollout; });
  }
  SUBCASE("forgotten") {
    b.commit({erase(replica_key(id()))});
  }
  w.apply({b.commits().back()});
  CHECK(w.empty());
  CHECK_FALSE(w.next_look(b.view(), followers, 0, 600).has_value());
}

}  // namespace
}  // namespace cloudless::workload_state
