#include "actors/runtime/assignment_book.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace cloudless::runtime {
namespace {

AssignmentSet apply_changes(const AssignmentSet& held, const AssignmentSet& changes) {
  std::map<ReplicaId, Assignment> by_replica;
  for (const auto& assignment : held.assignments) by_replica[assignment.replica] = assignment;
  for (const auto& replica : changes.removed) by_replica.erase(replica);
  for (const auto& assignment : changes.assignments) by_replica[assignment.replica] = assignment;
  AssignmentSet out = held;
  out.revision = changes.revision;
  out.assignments.clear();
  for (auto& [replica, assignment] : by_replica) out.assignments.push_back(std::move(assignment));
  return out;
}

std::string revisions(const AssignmentSet& incoming, const AssignmentBook& book) {
  return "revision " + std::to_string(incoming.revision) + ", held is " + std::to_string(book.set.revision);
}

}  // namespace

Result<AssignmentSet> take_set(const AssignmentBook& book, const AssignmentSet& incoming) {
  if (incoming.node != book.node)
    return fail(Errc::invalid_argument,
                "an assignment set for node " + incoming.node.value + " reached node " + book.node.value);
  if (incoming.cluster_id.empty()) return fail(Errc::invalid_argument, "an assignment set names no cluster");
  if (incoming.full && book.accept_cluster) return incoming;
  if (!book.cluster_id.empty() && incoming.cluster_id != book.cluster_id)
    return fail(Errc::failed_precondition, "an assignment set of cluster " + incoming.cluster_id +
                                               " is refused: this agent belongs to " + book.cluster_id +
                                               "; start it with --accept-cluster if that is meant");
  if (incoming.revision < book.set.revision)
    return fail(Errc::out_of_range,
                "an older assignment set is refused (" + revisions(incoming, book) +
                    "); if the store was restored, start the agent with --accept-cluster");
  if (incoming.full) return incoming;
  if (incoming.base_revision != book.set.revision || book.set.revision == 0)
    return fail(Errc::aborted, "changes to another set than the one held (base " +
                                   std::to_string(incoming.base_revision) + ", " + revisions(incoming, book) +
                                   ")");
  return apply_changes(book.set, incoming);
}

bool is_urgent(const AssignmentSet& durable, const AssignmentSet& next) {
  if (durable.revision == 0 || durable.cluster_id != next.cluster_id) return true;
  std::map<ReplicaId, StopCause> known;
  for (const auto& assignment : durable.assignments) known.emplace(assignment.replica, assignment.stop);
  return std::any_of(next.assignments.begin(), next.assignments.end(), [&known](const Assignment& a) {
    const auto found = known.find(a.replica);
    return found == known.end() || found->second != a.stop;
  });
}

}  // namespace cloudless::runtime
