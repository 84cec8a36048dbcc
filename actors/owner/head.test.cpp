#include "actors/owner/head.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace cloudless::owner {
namespace {

Record workload(const std::string& name, std::uint32_t replicas = 1) {
  Workload w;
  w.uid = WorkloadUid{name};
  w.ns = "default";
  w.name = name;
  w.spec.replicas = replicas;
  return std::make_shared<const Workload>(std::move(w));
}
Record node(const std::string& id) {
  Node n;
  n.description.id = NodeId{id};
  return std::make_shared<const Node>(std::move(n));
}
CommitUnit unit(Record record) {
  return {{put(std::move(record))}, {}};
}
std::uint64_t begin(Head& head, const CommitUnit& unit, Head::Done done) {
  Snapshot after = head.now();
  for (const auto& change : unit.changes) after.apply(change);
  return head.begin(after, std::move(done));
}

/// A head beside the store that it commits to.
class HeadTest {
 public:
  HeadTest() { head.load(std::make_shared<const Snapshot>(stored)); }

  /// The store makes it durable and publishes it.
  void publish(const CommitUnit& committed) {
    const Revision before = stored.revision();
    const std::vector<Commit> commits{{before + 1, committed.changes}};
    stored.apply(commits.front());
    head.publish(before, commits, std::make_shared<const Snapshot>(stored));
  }
  Head::Done note(const std::string& name) {
    return [this, name](const Result<Revision>& at) {
      const bool fell = !at && at.error().code == Errc::cancelled;
      trace += name + (at ? "=" + std::to_string(*at) : fell ? "~" : "!") + " ";
    };
  }
  bool has_workload(const std::string& name) const {
    return head.now().workload(WorkloadUid{name}) != nullptr;
  }

  Snapshot stored;
  Head head{{RecordKind::workload, RecordKind::version, RecordKind::replica}};
  std::string trace;
};

TEST_CASE_FIXTURE(HeadTest, "what is in flight is judged by as if it were there") {
  const auto flight = begin(head, unit(workload("a")), note("a"));
  CHECK(has_workload("a"));
  CHECK(head.published()->workload(WorkloadUid{"a"}) == nullptr);
  publish(unit(workload("a")));
  head.finish(flight, Result<Revision>(1));
  CHECK(trace == "a=1 ");
  CHECK(has_workload("a"));
  CHECK(head.now().revision() == 1);
}

TEST_CASE_FIXTURE(HeadTest, "records of other owners come from what is published") {
  publish(unit(node("n1")));
  CHECK(head.now().node(NodeId{"n1"}) != nullptr);
}

TEST_CASE_FIXTURE(HeadTest, "a published commit of its own does not undo what came after it") {
  const auto first = begin(head, unit(workload("a", 1)), note("first"));
  const auto second = begin(head, unit(workload("a", 2)), note("second"));
  publish(unit(workload("a", 1)));
  head.finish(first, Result<Revision>(1));
  CHECK(head.now().workload(WorkloadUid{"a"})->spec.replicas == 2);
  publish(unit(workload("a", 2)));
  head.finish(second, Result<Revision>(2));
  CHECK(head.now().workload(WorkloadUid{"a"})->spec.replicas == 2);
  CHECK(trace == "first=1 second=2 ");
}

TEST_CASE_FIXTURE(
    HeadTest,
    "after a refusal it judges nothing until every answer is there, then goes on from what is published") {
  const auto epoch = head.epoch();
  const auto stays = begin(head, unit(workload("stays")), note("stays"));
  const auto refused = begin(head, unit(workload("refused")), note("refused"));
  const auto on_top = begin(head, unit(workload("on_top")), note("on_top"));
  head.finish(refused, fail(Errc::aborted, "moved"));
  CHECK_FALSE(head.ready());
  head.finish(on_top, fail(Errc::unavailable, "an earlier one was refused"));
  CHECK_FALSE(head.ready());
  publish(unit(workload("stays")));
  CHECK_FALSE(head.ready());
  head.finish(stays, Result<Revision>(1));
  CHECK(head.ready());
  CHECK(head.epoch() == epoch + 1);
  CHECK(has_workload("stays"));
  CHECK_FALSE(has_workload("refused"));
  CHECK_FALSE(has_workload("on_top"));
  CHECK(trace == "refused! on_top~ stays=1 ");
}

TEST_CASE_FIXTURE(
    HeadTest,
    "only what fell with an ABORTED commit is CANCELLED: of the rest nobody knows what became of it") {
  const auto before = begin(head, unit(workload("before")), note("before"));
  const auto aborted = begin(head, unit(workload("aborted")), note("aborted"));
  const auto after = begin(head, unit(workload("after")), note("after"));
  head.finish(aborted, fail(Errc::aborted, "moved"));
  head.finish(before, fail(Errc::unavailable, "the disk is full"));
  head.finish(after, fail(Errc::unavailable, "an earlier one was refused"));
  CHECK(trace == "aborted! before! after~ ");
  REQUIRE(head.ready());
  trace.clear();
  const auto first = begin(head, unit(workload("a")), note("a"));
  const auto second = begin(head, unit(workload("b")), note("b"));
  head.finish(first, fail(Errc::unavailable, "the disk is full"));
  head.finish(second, fail(Errc::unavailable, "the disk is full"));
  CHECK(trace == "a! b! ");
}

TEST_CASE_FIXTURE(HeadTest, "an answer that overtakes the publication is waited for") {
  const auto first = begin(head, unit(workload("a")), note("a"));
  const auto second = begin(head, unit(workload("b")), note("b"));
  head.finish(first, Result<Revision>(1));
  head.finish(second, fail(Errc::aborted, "moved"));
  CHECK_FALSE(head.ready());
  publish(unit(workload("a")));
  CHECK(head.ready());
  CHECK(has_workload("a"));
}

TEST_CASE_FIXTURE(HeadTest,
                  "a gap in what is published makes it start anew, without losing what is in flight") {
  const auto flight = begin(head, unit(workload("a")), note("a"));
  stored.apply(Commit{1, {put(node("n1"))}});
  publish(unit(workload("a")));
  CHECK_FALSE(head.ready());
  head.finish(flight, Result<Revision>(2));
  CHECK(head.ready());
  CHECK(has_workload("a"));
  CHECK(head.now().node(NodeId{"n1"}) != nullptr);
}

TEST_CASE_FIXTURE(HeadTest,
                  "stamps grow, are used once, and never run ahead of the revision of their commit") {
  CHECK(head.next_stamp() == 1);
  head.use_stamp();
  const auto first = begin(head, unit(workload("a")), note("a"));
  CHECK(head.next_stamp() == 2);
  head.use_stamp();
  const auto second = begin(head, unit(workload("b")), note("b"));
  head.finish(first, fail(Errc::unavailable, "the disk is full"));
  head.finish(second, fail(Errc::unavailable, "the disk is full"));
  // Both were never seen by anybody.
  CHECK(head.next_stamp() == 1);
  publish(unit(node("n1")));
  publish(unit(node("n2")));
  CHECK(head.next_stamp() == 3);
}

TEST_CASE_FIXTURE(HeadTest, "what changes nothing is answered with what it was judged by") {
  head.when_durable(note("at once"));
  CHECK(trace == "at once=0 ");
  trace.clear();
  const auto first = begin(head, unit(workload("a")), note("a"));
  const auto second = begin(head, unit(workload("b")), note("b"));
  head.when_durable(note("waiting"));
  head.finish(first, Result<Revision>(1));
  CHECK(trace == "a=1 ");
  head.finish(second, Result<Revision>(2));
  CHECK(trace == "a=1 b=2 waiting=2 ");
}

TEST_CASE("a head judges nothing before the first load") {
  Head head{{RecordKind::node}};
  CHECK_FALSE(head.ready());
  head.publish(0, {}, std::make_shared<const Snapshot>());
  CHECK_FALSE(head.ready());
}

}  // namespace
}  // namespace cloudless::owner
