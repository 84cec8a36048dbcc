#include "messages/domain/store_clock.hpp"

#include <memory>
#include <variant>

namespace cloudless {
namespace {

Millis mark_of_replica(const Replica& r) {
  return std::max({r.running_at, r.ready_at, r.first_ready_at, r.withdrawn_at});
}

Millis mark_of_node(const Node& n) {
  Millis highest = 0;
  for (const auto& [key, since] : n.no_execute_since) highest = std::max(highest, since);
  return highest;
}

}  // namespace

Millis mark_of(const Record& record) {
  if (const auto* r = std::get_if<std::shared_ptr<const Replica>>(&record)) return mark_of_replica(**r);
  if (const auto* r = std::get_if<std::shared_ptr<const Rollout>>(&record)) return (*r)->mark;
  if (const auto* n = std::get_if<std::shared_ptr<const Node>>(&record)) return mark_of_node(**n);
  return 0;
}

Millis mark_of(const Commit& commit) {
  Millis highest = 0;
  for (const auto& change : commit.changes)
    if (change.record) highest = std::max(highest, mark_of(*change.record));
  return highest;
}

Millis mark_of(const Snapshot& snapshot) {
  Millis highest = 0;
  snapshot.replicas().for_each([&](const ReplicaSlot&, const std::shared_ptr<const Replica>& r) {
    highest = std::max(highest, mark_of_replica(*r));
  });
  snapshot.rollouts().for_each([&](const ReplicaSlot&, const std::shared_ptr<const Rollout>& r) {
    highest = std::max(highest, r->mark);
  });
  snapshot.nodes().for_each([&](const NodeId&, const std::shared_ptr<const Node>& n) {
    highest = std::max(highest, mark_of_node(*n));
  });
  return highest;
}

}  // namespace cloudless
