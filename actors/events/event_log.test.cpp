#include "actors/events/event_log.hpp"

#include <doctest/doctest.h>

using namespace cloudless;

namespace {

Event event(Revision revision, const std::string& ns, const std::string& workload, const std::string& node) {
  Event e;
  e.revision = revision;
  e.ns = ns;
  e.workload = workload;
  e.node = NodeId{node};
  return e;
}

std::vector<Revision> found(const events::EventLog& log, const EventQuery& query) {
  std::vector<Revision> out;
  for (const auto& e : log.find(query).events) out.push_back(e.revision);
  return out;
}

}  // namespace

TEST_CASE("A query restricts by namespace, workload, node and revision, and takes the newest, newest last") {
  events::EventLog log(100);
  log.add(
      {event(1, "a", "x", "n1"), event(2, "b", "x", "n2"), event(3, "a", "y", "n1"), event(4, "", "", "n1")});
  using Revisions = std::vector<Revision>;
  CHECK(found(log, {}) == Revisions{1, 2, 3, 4});
  CHECK(found(log, {.ns = "a"}) == Revisions{1, 3});
  CHECK(found(log, {.ns = "a", .workload = "y"}) == Revisions{3});
  CHECK(found(log, {.node = NodeId{"n1"}}) == Revisions{1, 3, 4});
  CHECK(found(log, {.after_revision = 2}) == Revisions{3, 4});
  CHECK(found(log, {.limit = 2}) == Revisions{3, 4});
  CHECK(found(log, {.limit = 0}) == Revisions{4});
}

TEST_CASE("Beyond its capacity the log drops the oldest") {
  events::EventLog log(3);
  for (Revision r = 1; r <= 10; ++r) log.add({event(r, "", "", "")});
  CHECK(log.size() == 3);
  CHECK(found(log, {}) == std::vector<Revision>{8, 9, 10});
}
