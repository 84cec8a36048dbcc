#include "gateway/history.hpp"

#include <doctest/doctest.h>

#include "messages/domain/node_trouble.hpp"

using namespace cloudless;
using namespace cloudless::gateway;

namespace {

std::shared_ptr<const Workload> workload(const std::string& uid, Revision revision) {
  Workload w;
  w.uid = WorkloadUid{uid};
  w.ns = "default";
  w.name = "w" + uid;
  w.revision = revision;
  return std::make_shared<const Workload>(w);
}

std::shared_ptr<const Replica> replica(const std::string& uid, std::uint64_t ordinal, const std::string& node,
                                       Phase phase = Phase::running) {
  Replica r;
  r.workload = WorkloadUid{uid};
  r.ordinal = ordinal;
  r.id = replica_id("w" + uid, r.workload, ordinal);
  r.node = NodeId{node};
  r.phase = phase;
  return std::make_shared<const Replica>(r);
}

std::shared_ptr<const Node> node(const std::string& id, NodeState state) {
  Node n;
  n.description.id = NodeId{id};
  n.state = state;
  return std::make_shared<const Node>(n);
}

const std::string kA = "aaaaaaaaaa";
const std::string kB = "bbbbbbbbbb";

}  // namespace

TEST_CASE("a commit touches a workload once, however many of its records it changes") {
  Snapshot before;
  const auto touches =
      touches_of(before, {{1, {put(workload(kA, 1)), put(replica(kA, 0, "n")), put(replica(kB, 0, "n"))}}});
  REQUIRE(touches.size() == 2);
  CHECK(touches[0].uid.value == kA);
  CHECK(touches[0].kind == Touch::Kind::created);
  CHECK(touches[0].was == nullptr);
  CHECK(touches[1].uid.value == kB);
  CHECK(touches[1].kind == Touch::Kind::changed);
}

TEST_CASE(
    "a node that goes offline or gets into trouble touches the workloads with live replicas on it; its "
    "labels "
    "touch none") {
  Snapshot before;
  before.apply(put(node("n", NodeState::ready)));
  before.apply(put(replica(kA, 0, "n")));
  before.apply(put(replica(kB, 0, "n", Phase::stopped)));
  auto labelled = *node("n", NodeState::ready);
  labelled.labels["a"] = "b";
  CHECK(touches_of(before, {{1, {put(std::make_shared<const Node>(labelled))}}}).empty());
  auto troubled = labelled;
  troubled.taints.push_back({kDiskNotWritableTaint, "", TaintEffect::no_schedule});
  for (const auto& after : {node("n", NodeState::offline), std::make_shared<const Node>(troubled)}) {
    const auto touches = touches_of(before, {{1, {put(after)}}});
    REQUIRE(touches.size() == 1);
    CHECK(touches[0].uid.value == kA);
  }
  // Also one that was placed there in the same batch.
  const auto batch = touches_of(
      before, {{1, {put(replica(kB, 1, "n", Phase::assigned))}}, {2, {put(node("n", NodeState::offline))}}});
  REQUIRE(batch.size() == 3);
  CHECK(batch[2].revision == 2);
  CHECK(batch[2].uid.value == kB);
}

TEST_CASE("a position sees every workload touched after it, once, and what it was there") {
  History history({1000, 100});
  history.restart(10);
  auto labelled = [](const std::string& uid, Revision revision, const std::string& value) {
    auto w = *workload(uid, revision);
    w.spec.labels["l"] = value;
    return put(std::make_shared<const Workload>(w));
  };
  Snapshot state;
  state.apply(labelled(kA, 5, "old"));
  state.set_revision(10);
  const std::vector<Commit> commits = {{11, {put(replica(kA, 1, "n")), labelled(kA, 11, "newer")}},
                                       {12, {put(workload(kB, 12))}},
                                       {13, {labelled(kA, 13, "newest")}},
                                       {14, {erase(workload_key(WorkloadUid{kB}))}},
                                       {15, {put(replica(kA, 0, "n"))}}};
  history.append(touches_of(state, commits), 15, 0);
  auto page = history.after(10, 100);
  REQUIRE(page.has_value());
  CHECK(page->upto == 15);
  REQUIRE(page->changes.size() == 2);
  const auto& b = page->changes[0];
  CHECK(b.uid.value == kB);
  CHECK(b.revision == 14);
  CHECK(b.created);
  CHECK(b.erased);
  CHECK(b.last->revision == 12);
  const auto& a = page->changes[1];
  CHECK(a.uid.value == kA);
  CHECK(a.revision == 15);
  CHECK_FALSE(a.created);
  CHECK(a.before->spec.labels.at("l") == "old");

  page = history.after(11, 100);
  CHECK(page->changes[1].before->spec.labels.at("l") == "newer");
  page = history.after(13, 100);
  REQUIRE(page->changes.size() == 2);
  CHECK(page->changes[0].before->revision == 12);
  CHECK_FALSE(page->changes[0].created);
  CHECK(page->changes[1].before == nullptr);
  CHECK(history.after(15, 100)->changes.empty());
  CHECK_FALSE(history.after(9, 100).has_value());
}

TEST_CASE("a limited look ends at a whole revision, and going on from there misses nothing") {
  History history({1000, 1000});
  history.restart(0);
  Snapshot state;
  std::vector<Commit> commits;
  for (Revision r = 1; r <= 20; ++r)
    commits.push_back(
        {r, {put(replica(kA, r, "n")), put(replica(kB, r, "n")), put(workload("c000000000", r))}});
  history.append(touches_of(state, commits), 20, 0);
  Revision position = 0;
  int seen = 0;
  int rounds = 0;
  while (position < 20) {
    const auto page = history.after(position, 4);
    REQUIRE(page.has_value());
    REQUIRE(page->upto > position);
    for (const auto& change : page->changes) {
      CHECK(change.revision > position);
      CHECK(change.revision <= page->upto);
    }
    seen += static_cast<int>(page->changes.size());
    position = page->upto;
    ++rounds;
  }
  CHECK(rounds == 10);
  CHECK(seen == 30);
}

TEST_CASE("what is too old or too much is forgotten, and the oldest position moves") {
  History history({1000, 5});
  history.restart(0);
  Snapshot state;
  for (Revision r = 1; r <= 8; ++r)
    history.append(touches_of(state, {{r, {put(workload(kA, r))}}}), r, static_cast<Millis>(r * 100));
  CHECK(history.oldest() == 3);
  CHECK(history.after(3, 100)->changes.size() == 1);
  CHECK_FALSE(history.after(2, 100).has_value());
  history.forget_old(1501);
  CHECK(history.oldest() == 5);
  history.forget_old(10'000);
  CHECK(history.oldest() == 8);
  CHECK(history.after(8, 100)->changes.empty());
}
