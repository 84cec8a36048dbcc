#include "actors/runtime/assignment_book.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

Assignment assignment(const std::string& replica) {
  Assignment out;
  out.replica = ReplicaId{replica};
  return out;
}

AssignmentSet full(const std::string& cluster, Revision revision, std::vector<Assignment> assignments = {}) {
  return {cluster, NodeId{"node-1"}, revision, true, 0, std::move(assignments), {}};
}

AssignmentBook book_at(Revision revision) {
  return {NodeId{"node-1"}, "a", full("a", revision, {assignment("r1"), assignment("r2")}), false};
}

Errc code_of(const Result<AssignmentSet>& result) {
  return result ? Errc::none : result.error().code;
}

}  // namespace

TEST_CASE("an agent takes sets of its own cluster that do not go back") {
  CHECK(code_of(take_set(book_at(5), full("a", 6))) == Errc::none);
  CHECK(code_of(take_set(book_at(5), full("a", 5))) == Errc::none);
  CHECK(code_of(take_set(book_at(5), full("a", 4))) == Errc::out_of_range);
  CHECK(code_of(take_set(book_at(5), full("b", 6))) == Errc::failed_precondition);
  CHECK(code_of(take_set(book_at(5), full("", 6))) == Errc::invalid_argument);
  AssignmentSet of_another_node = full("a", 6);
  of_another_node.node = NodeId{"node-2"};
  CHECK(code_of(take_set(book_at(5), of_another_node)) == Errc::invalid_argument);
}

TEST_CASE("the first set pins the cluster") {
  AssignmentBook book{NodeId{"node-1"}, "", {}, false};
  CHECK(code_of(take_set(book, full("b", 1))) == Errc::none);
}

TEST_CASE("--accept-cluster takes a full set of any cluster and revision, and changes of none") {
  AssignmentBook book = book_at(5);
  book.accept_cluster = true;
  CHECK(code_of(take_set(book, full("b", 1))) == Errc::none);
  AssignmentSet changes = full("b", 1);
  changes.full = false;
  CHECK(code_of(take_set(book, changes)) == Errc::failed_precondition);
}

TEST_CASE("changes apply to the set they name and to no other") {
  AssignmentSet changes{"a", NodeId{"node-1"}, 7, false, 5, {assignment("r3")}, {ReplicaId{"r1"}}};
  const auto taken = take_set(book_at(5), changes);
  REQUIRE(taken);
  CHECK(taken->full);
  CHECK(taken->revision == 7);
  CHECK(taken->assignments == std::vector{assignment("r2"), assignment("r3")});
  CHECK(code_of(take_set(book_at(6), changes)) == Errc::aborted);
  CHECK(code_of(take_set({NodeId{"node-1"}, "a", {}, false}, changes)) == Errc::aborted);
}

TEST_CASE("a set is urgent when it names a replica that the disk does not know, or a stop") {
  const auto durable = full("a", 5, {assignment("r1"), assignment("r2")});
  auto next = durable;
  next.revision = 6;
  CHECK_FALSE(is_urgent(durable, next));
  next.assignments[0].image.digest = "sha256:1";
  next.assignments[0].limits.memory_bytes = 1;
  CHECK_FALSE(is_urgent(durable, next));
  CHECK_FALSE(is_urgent(durable, full("a", 6, {assignment("r1")})));
  next.assignments[1].stop = StopCause::scale;
  CHECK(is_urgent(durable, next));
  CHECK_FALSE(is_urgent(next, next));
  CHECK(is_urgent(durable, full("a", 6, {assignment("r1"), assignment("r3")})));
  CHECK(is_urgent(durable, full("b", 6)));
  CHECK(is_urgent({}, full("a", 6)));
}

}  // namespace cloudless::runtime
