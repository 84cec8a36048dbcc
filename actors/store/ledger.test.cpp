#include "actors/store/ledger.hpp"

#include <doctest/doctest.h>

namespace cloudless::store {
namespace {

Change node(const std::string& id, Revision schedulable = 1) {
  Node out;
  out.description.id = NodeId{id};
  out.schedulable_revision = schedulable;
  return put(std::make_shared<const Node>(std::move(out)));
}

Precondition node_is(const std::string& id, std::uint64_t guard) {
  return {node_key(NodeId{id}), guard};
}

Result<Revision> submit(Ledger& ledger, const std::string& owner, std::uint64_t epoch,
                        const std::vector<Change>& changes,
                        const std::vector<Precondition>& preconditions = {}) {
  return ledger.submit({owner, epoch, changes, preconditions});
}

TEST_CASE("commits get consecutive revisions and become visible only when their batch is finished") {
  Ledger ledger{Snapshot{}};
  CHECK(submit(ledger, "a", 1, {node("x")}) == 1);
  CHECK(submit(ledger, "a", 1, {node("y")}) == 2);
  CHECK(ledger.published()->revision() == 0);
  REQUIRE(ledger.start_batch(10) != nullptr);
  CHECK(submit(ledger, "a", 1, {node("z")}) == 3);
  CHECK(ledger.start_batch(10) == nullptr);
  const auto batch = ledger.finish_batch();
  CHECK(batch.predecessor == 0);
  CHECK(batch.commits->size() == 2);
  CHECK(batch.after->revision() == 2);
  CHECK(batch.after->nodes().size() == 2);
  CHECK(ledger.published() == batch.after);
  REQUIRE(ledger.start_batch(10) != nullptr);
  CHECK(ledger.finish_batch().predecessor == 2);
  CHECK(ledger.start_batch(10) == nullptr);
}

TEST_CASE("a batch takes no more than its limit") {
  Ledger ledger{Snapshot{}};
  for (int i = 0; i < 5; ++i) REQUIRE(submit(ledger, "a", 1, {node("x")}));
  for (const std::size_t expected : {2u, 2u, 1u}) {
    const auto batch = ledger.start_batch(2);
    REQUIRE(batch != nullptr);
    CHECK(batch->size() == expected);
    CHECK(ledger.finish_batch().after->revision() == batch->back().revision);
  }
}

TEST_CASE("preconditions see what is in flight") {
  struct Case {
    Precondition precondition;
    bool holds;
  };
  for (const auto& [precondition, holds] : std::vector<Case>{{node_is("x", 7), true},
                                                             {node_is("x", 6), false},
                                                             {node_is("x", 0), false},
                                                             {node_is("none", 0), true},
                                                             {node_is("none", 1), false},
                                                             {node_is("erased", 0), true},
                                                             {node_is("erased", 1), false}}) {
    CAPTURE(precondition.key.id);
    CAPTURE(precondition.guard);
    Ledger ledger{Snapshot{}};
    REQUIRE(submit(ledger, "a", 1, {node("x", 7), node("erased")}));
    REQUIRE(submit(ledger, "a", 1, {erase(node_key(NodeId{"erased"}))}));
    const auto answer = submit(ledger, "b", 1, {node("y")}, {precondition});
    CHECK(answer.has_value() == holds);
    if (!answer) CHECK(answer.error().code == Errc::aborted);
  }
}

TEST_CASE("after a refusal everything of that owner and epoch is refused, and nothing of anybody else") {
  Ledger ledger{Snapshot{}};
  REQUIRE(submit(ledger, "a", 3, {node("x")}));
  CHECK(submit(ledger, "a", 3, {node("y")}, {node_is("x", 99)}).error().code == Errc::aborted);
  CHECK(submit(ledger, "a", 3, {node("z")}).error().code == Errc::unavailable);
  CHECK(submit(ledger, "a", 2, {node("z")}).error().code == Errc::unavailable);
  CHECK(submit(ledger, "b", 3, {node("z")}) == 2);
  CHECK(submit(ledger, "a", 4, {node("z")}) == 3);
  REQUIRE(ledger.start_batch(10) != nullptr);
  CHECK(ledger.finish_batch().commits->size() == 3);
}

TEST_CASE("a commit of no changes or too many is refused") {
  Ledger ledger{Snapshot{}};
  CHECK(submit(ledger, "a", 1, {}).error().code == Errc::invalid_argument);
  CHECK(submit(ledger, "b", 1, std::vector<Change>(kMaxCommitChanges, node("x"))));
  CHECK(submit(ledger, "c", 1, std::vector<Change>(kMaxCommitChanges + 1, node("x"))).error().code ==
        Errc::invalid_argument);
}

TEST_CASE(
    "when what is in flight is dropped, its owners' epochs are closed and its revisions are given again") {
  Ledger ledger{Snapshot{}};
  REQUIRE(submit(ledger, "kept", 1, {node("kept")}));
  REQUIRE(ledger.start_batch(10) != nullptr);
  ledger.finish_batch();
  REQUIRE(submit(ledger, "running", 1, {node("x")}));
  REQUIRE(ledger.start_batch(10) != nullptr);
  REQUIRE(submit(ledger, "waiting", 1, {node("y")}));
  ledger.drop_in_flight();
  CHECK(submit(ledger, "running", 1, {node("x")}).error().code == Errc::unavailable);
  CHECK(submit(ledger, "waiting", 1, {node("x")}).error().code == Errc::unavailable);
  CHECK(submit(ledger, "kept", 1, {node("z")}, {node_is("kept", 1), node_is("x", 0), node_is("y", 0)}) == 2);
  CHECK(submit(ledger, "running", 2, {node("x")}) == 3);
  REQUIRE(ledger.start_batch(10) != nullptr);
  const auto batch = ledger.finish_batch();
  CHECK(batch.predecessor == 1);
  CHECK(batch.after->nodes().size() == 3);
}

}  // namespace
}  // namespace cloudless::store
