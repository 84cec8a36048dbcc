#include "actors/workload_state/command.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "actors/workload_state/validate.hpp"
#include "tests/support/snapshot_builder.hpp"

namespace cloudless::workload_state {
namespace {

using test::SnapshotBuilder;

WorkloadSpec spec_of(const std::string& image, std::uint32_t replicas = 1) {
  WorkloadSpec spec;
  spec.pod.image = image;
  spec.replicas = replicas;
  return spec;
}

/// Carries commands out one after the other; each has a stamp of its own.
class CommandTest {
 public:
  template <class Action>
  Result<Workload> run(Action action) {
    owner::Plan plan(head);
    auto answer = apply(
        plan, WorkloadCommand{{}, std::move(action)}, {++stamp, static_cast<WallMillis>(1000 * stamp), 7},
        [this](const Workload&) { return followed; }, usual);
    units = plan.take_units();
    head = plan.now();
    return answer;
  }
  Errc code(const Result<Workload>& answer) const { return answer ? Errc::none : answer.error().code; }

  Snapshot head;
  Revision stamp = 100;
  bool followed = false;
  Scoring usual;
  std::vector<owner::CommitUnit> units;
};

TEST_CASE_FIXTURE(CommandTest, "a create stores the workload and its first version") {
  const auto web = run(CreateWorkload{"default", "web", spec_of("web:1", 3)});
  REQUIRE(web.has_value());
  CHECK(web->revision == 101);
  CHECK(web->version == 1);
  CHECK(web->created_at == 101000);
  CHECK(web->updated_at == 101000);
  CHECK(web->next_ordinal == 0);
  CHECK(*head.workload("default", "web") == *web);
  CHECK(head.version(web->uid, 1)->pod == web->spec.pod);
  CHECK(code(run(CreateWorkload{"default", "web", spec_of("web:1")})) == Errc::already_exists);
  CHECK(code(run(CreateWorkload{"other", "web", spec_of("web:1")})) == Errc::none);
}

TEST_CASE_FIXTURE(CommandTest, "an update makes a new version only when the template changes") {
  const auto web = *run(CreateWorkload{"default", "web", spec_of("web:1")});
  auto changed = web.spec;
  changed.labels["team"] = "a";
  const auto labelled = *run(UpdateWorkload{"default", "web", changed, false, 0});
  CHECK(labelled.version == 1);
  CHECK(labelled.revision > web.revision);
  CHECK(head.versions_of(web.uid).size() == 1);

  changed.limits = {1000, 64 << 20, std::nullopt, 100};
  const auto limited = *run(UpdateWorkload{"default", "web", changed, false, 0});
  CHECK(limited.version == 1);
  CHECK(limited.spec.limits.pids == 100);
  CHECK(limited.revision > labelled.revision);

  changed.pod.image = "web:2";
  const auto updated = *run(UpdateWorkload{"default", "web", changed, false, limited.revision});
  CHECK(updated.version == 2);
  CHECK(head.version(web.uid, 2)->pod.image == "web:2");
  CHECK(head.version(web.uid, 1)->pod.image == "web:1");

  const auto same = *run(UpdateWorkload{"default", "web", changed, false, 0});
  CHECK(same == updated);
  CHECK(units.empty());
}

TEST_CASE_FIXTURE(CommandTest, "what a workload leaves out of its scoring is written as the cluster has it") {
  usual.cost = 700;
  usual.mode = Utilization::balance;
  auto spec = spec_of("web:1");
  spec.scoring.cost = 10;
  spec.scoring.network = 0;
  const auto web = *run(CreateWorkload{"default", "web", spec});
  CHECK(web.spec.scoring == Scoring{std::nullopt, std::nullopt, 10, std::nullopt, 0, Utilization::balance});

  spec.scoring = {};
  const auto plain = *run(UpdateWorkload{"default", "web", spec, false, 0});
  CHECK(plain.spec.scoring ==
        Scoring{std::nullopt, std::nullopt, 700, std::nullopt, std::nullopt, Utilization::balance});
  CHECK(plain.version == 1);
  CHECK(plain.revision > web.revision);
  CHECK(*run(UpdateWorkload{"default", "web", spec, false, 0}) == plain);
  CHECK(units.empty());

  usual = {};
  CHECK(run(ScaleWorkload{"default", "web", 3, 0})->spec.scoring == plain.spec.scoring);
  const auto written = *run(UpdateWorkload{"default", "web", spec, false, 0});
  CHECK(written.spec.scoring == Scoring{});
  CHECK(written.version == 1);
}

TEST_CASE_FIXTURE(CommandTest, "an update that keeps the scale takes the present one") {
  run(CreateWorkload{"default", "web", spec_of("web:1", 2)});
  run(ScaleWorkload{"default", "web", 7, 0});
  CHECK(run(UpdateWorkload{"default", "web", spec_of("web:2", 2), true, 0})->spec.replicas == 7);
  CHECK(run(UpdateWorkload{"default", "web", spec_of("web:2", 2), false, 0})->spec.replicas == 2);
}

TEST_CASE_FIXTURE(CommandTest, "a write at another revision is ABORTED and names the current one") {
  const auto web = *run(CreateWorkload{"default", "web", spec_of("web:1")});
  const auto before = head;
  const auto check = [&](const Result<Workload>& answer) {
    REQUIRE(code(answer) == Errc::aborted);
    CHECK(answer.error().message.find("revision " + std::to_string(web.revision)) != std::string::npos);
    CHECK(units.empty());
  };
  check(run(UpdateWorkload{"default", "web", spec_of("web:2"), false, web.revision + 1}));
  check(run(ScaleWorkload{"default", "web", 9, web.revision - 1}));
  check(run(DeleteWorkload{"default", "web", 1}));
  CHECK(code(run(ScaleWorkload{"default", "web", 9, web.revision})) == Errc::none);
}

TEST_CASE_FIXTURE(CommandTest, "what does not exist is NOT_FOUND") {
  CHECK(code(run(UpdateWorkload{"default", "web", spec_of("web:1"), false, 0})) == Errc::not_found);
  CHECK(code(run(ScaleWorkload{"default", "web", 1, 0})) == Errc::not_found);
  CHECK(code(run(DeleteWorkload{"default", "web", 0})) == Errc::not_found);
}

TEST_CASE_FIXTURE(CommandTest, "a deleted workload is a tombstone: its name is free, its uid is not") {
  const auto first = *run(CreateWorkload{"default", "web", spec_of("web:1")});
  CHECK(run(DeleteWorkload{"default", "web", first.revision})->deleted);
  CHECK(head.workload(first.uid)->deleted);
  CHECK(head.workload("default", "web") == nullptr);
  CHECK(code(run(DeleteWorkload{"default", "web", 0})) == Errc::not_found);
  const auto second = *run(CreateWorkload{"default", "web", spec_of("web:1")});
  CHECK(second.uid != first.uid);
  CHECK(head.workload("default", "web")->uid == second.uid);
  CHECK(head.workload(first.uid)->deleted);
}

TEST_CASE_FIXTURE(CommandTest, "a delete stops every replica as far along as it is") {
  SnapshotBuilder b;
  b.node("up").node("down", [](Node& n) { n.state = NodeState::offline; }).workload("web");
  b.replica("web")
      .replica("web", SnapshotBuilder::running("up"))
      .replica("web", SnapshotBuilder::running("down"))
      .replica("web", SnapshotBuilder::running("gone"))
      .replica("web", SnapshotBuilder::ended(Phase::failed));
  head = b.view();
  REQUIRE(run(DeleteWorkload{"default", "web", 0}).has_value());
  const auto replica = [&](std::uint64_t i) { return *head.replica(SnapshotBuilder::id("web", i)); };
  CHECK(replica(0).phase == Phase::stopped);
  CHECK(replica(1).phase == Phase::running);
  CHECK(replica(2).phase == Phase::running);
  CHECK(replica(3).phase == Phase::lost);
  CHECK(replica(4).phase == Phase::failed);
  for (std::uint64_t i = 0; i < 4; ++i) {
    CHECK(replica(i).stop == StopCause::deleted);
    CHECK_FALSE(replica(i).ready);
    CHECK_FALSE(replica(i).serving);
  }
  CHECK(replica(4).stop == StopCause::none);
}

TEST_CASE_FIXTURE(CommandTest, "a delete withdraws what requests may be on their way to") {
  SnapshotBuilder b;
  b.node("up").workload("web").replica("web", SnapshotBuilder::running("up"));
  b.replica("web", SnapshotBuilder::running("up", false));
  head = b.view();
  followed = true;
  REQUIRE(run(DeleteWorkload{"default", "web", 0}).has_value());
  const auto asked = *head.replica(SnapshotBuilder::id("web", 0));
  CHECK(asked.withdrawn == StopCause::deleted);
  CHECK(asked.withdrawn_at == 7);
  CHECK_FALSE(asked.serving);
  CHECK_FALSE(asked.stop_requested());
  CHECK(head.replica(SnapshotBuilder::id("web", 1))->stop == StopCause::deleted);
}

TEST_CASE_FIXTURE(
    CommandTest,
    "the tombstone is in the first unit of a large delete, which leaves other stops to rollout") {
  SnapshotBuilder b;
  b.workload("web");
  for (int i = 0; i < 1000; ++i) b.replica("web");
  head = b.view();
  REQUIRE(run(DeleteWorkload{"default", "web", 0}).has_value());
  REQUIRE(units.size() > 1);
  CHECK(units[0].changes[0].key == workload_key(SnapshotBuilder::uid("web")));
  std::set<Key> stopped;
  for (const auto& unit : units) {
    CHECK(unit.changes.size() <= owner::kMaxUnitChanges);
    for (const auto& change : unit.changes)
      if (change.key.kind == RecordKind::replica) stopped.insert(change.key);
  }
  CHECK(stopped.size() == 500);
}

TEST_CASE("uids are ten lower-case hexadecimal digits, each stamp's its own") {
  std::set<std::string> seen;
  for (Revision stamp = 0; stamp < 20000; ++stamp) {
    const auto uid = uid_of(stamp).value;
    REQUIRE(uid.size() == 10);
    REQUIRE(uid.find_first_not_of("0123456789abcdef") == std::string::npos);
    REQUIRE(seen.insert(uid).second);
  }
  CHECK(slot_of(replica_id("my-web", uid_of(5), 12)) == ReplicaSlot{uid_of(5), 12});
}

TEST_CASE_FIXTURE(CommandTest, "bad fields are named all at once, and nothing is planned") {
  WorkloadSpec spec = spec_of("", kMaxReplicas + 1);
  spec.pod.requests.cpu_millicores = -1;
  spec.pod.requests.memory_bytes = 100;
  spec.limits.memory_bytes = 99;
  const auto answer = run(CreateWorkload{"default", "Web", spec});
  REQUIRE(code(answer) == Errc::invalid_argument);
  std::set<std::string> paths;
  for (const auto& violation : answer.error().violations) paths.insert(violation.path);
  CHECK(paths == std::set<std::string>{"name", "spec.image", "spec.replicas",
                                       "spec.resources.limits.memory_bytes",
                                       "spec.resources.requests.cpu_millicores"});
  CHECK(units.empty());
  CHECK(code(run(ScaleWorkload{"default", "web", kMaxReplicas + 1, 0})) == Errc::invalid_argument);
}

TEST_CASE_FIXTURE(CommandTest, "a gang is never larger than one atomic step, however it became so") {
  WorkloadSpec spec = spec_of("web:1", kMaxGang + 1);
  const auto blamed = [](const Result<Workload>& answer) {
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == Errc::invalid_argument);
    REQUIRE(answer.error().violations.size() == 1);
    return answer.error().violations[0].path;
  };
  run(CreateWorkload{"default", "web", spec});
  spec.all_or_nothing = true;
  CHECK(blamed(run(CreateWorkload{"default", "job", spec})) == "spec.all_or_nothing");
  CHECK(blamed(run(UpdateWorkload{"default", "web", spec, false, 0})) == "spec.all_or_nothing");
  spec.replicas = 2;
  CHECK(blamed(run(UpdateWorkload{"default", "web", spec, true, 0})) == "spec.all_or_nothing");
  CHECK(code(run(CreateWorkload{"default", "job", spec})) == Errc::none);
  CHECK(blamed(run(ScaleWorkload{"default", "job", kMaxGang + 1, 0})) == "replicas");
  CHECK(code(run(ScaleWorkload{"default", "job", kMaxGang, 0})) == Errc::none);
}

TEST_CASE_FIXTURE(CommandTest, "what is asked to move is marked, if it has a place and stays") {
  SnapshotBuilder b;
  b.node("n1").workload("web").workload("other");
  const auto at_work = [](Replica& r) { r.phase = Phase::running, r.node = NodeId{"n1"}; };
  b.replica("web", at_work).replica("web").replica("web", [&](Replica& r) {
    at_work(r);
    r.stop = StopCause::scale;
  });
  b.replica("web", [&](Replica& r) {
    at_work(r);
    r.withdrawn = StopCause::rollout;
  });
  b.replica("web", SnapshotBuilder::ended(Phase::failed, StopCause::none)).replica("other", at_work);
  head = b.view();
  const auto web = [](std::uint64_t n) { return SnapshotBuilder::id("web", n); };
  const MoveReplicas all{
      "default", "web", {web(0), web(1), web(2), web(3), web(4), web(9), SnapshotBuilder::id("other", 0)}};
  REQUIRE(code(run(all)) == Errc::none);
  REQUIRE(units.size() == 1);
  CHECK(units.front().changes.size() == 1);
  CHECK(head.replica(web(0))->evict == StopCause::rebalance);
  CHECK(code(run(all)) == Errc::none);
  CHECK(units.empty());
  CHECK(code(run(MoveReplicas{"default", "none", {web(0)}})) == Errc::not_found);
}

TEST_CASE_FIXTURE(CommandTest, "one command moves 1 to 100 replicas, each unit of them fits a commit") {
  SnapshotBuilder b;
  b.node("n1").workload("web");
  MoveReplicas move{"default", "web", {}};
  CHECK(code(run(move)) == Errc::invalid_argument);
  for (std::uint64_t i = 0; i < 100; ++i) {
    b.replica("web", [](Replica& r) { r.phase = Phase::running, r.node = NodeId{"n1"}; });
    move.replicas.push_back(SnapshotBuilder::id("web", i));
  }
  head = b.view();
  CHECK(code(run(move)) == Errc::none);
  REQUIRE(units.size() == 2);
  CHECK(units[0].changes.size() == owner::kMaxUnitChanges);
  move.replicas.push_back(SnapshotBuilder::id("web", 100));
  CHECK(code(run(move)) == Errc::invalid_argument);
}

}  // namespace
}  // namespace cloudless::workload_state
