#include "actors/node_link/image_pin.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "messages/domain/image_reference.hpp"

namespace cloudless::node_link {
namespace {

using VersionKey = std::pair<WorkloadUid, std::uint64_t>;

/// So many take turns; of a workload with thousands of replicas the others only wait.
constexpr std::size_t kTakeTurns = 8;

/// Calls visit with every replica of the version that is assigned, until it returns false.
template <class Visit>
void visit_assigned(const Snapshot& snapshot, const VersionKey& version, Visit&& visit) {
  const auto& [uid, number] = version;
  snapshot.replicas().visit_from(
      ReplicaSlot{uid, 0}, [&](const ReplicaSlot& slot, const std::shared_ptr<const Replica>& r) {
        if (slot.workload != uid) return false;
        const bool assigned = r->version == number && !r->node.empty() && !is_terminal(r->phase);
        return !assigned || visit(*r);
      });
}

bool can_try(const Snapshot& snapshot, const Replica& replica) {
  const auto node = snapshot.node(replica.node);
  const bool needs_image = replica.phase < Phase::running || replica.phase == Phase::backoff;
  return needs_image && node && node->state == NodeState::ready;
}

/// How often it has tried already, from 1 for the present attempt.
std::uint64_t turn_of(const Replica& replica) {
  return std::max<std::uint64_t>(replica.attempt, 1) + (replica.phase == Phase::backoff ? 1 : 0);
}

ReplicaId resolver_of(const Snapshot& snapshot, const VersionKey& version) {
  const Replica* best = nullptr;
  const Replica* fallback = nullptr;
  std::size_t candidates = 0;
  visit_assigned(snapshot, version, [&](const Replica& r) {
    if (r.stop_requested()) return true;
    if (fallback == nullptr) fallback = &r;
    if (!can_try(snapshot, r)) return true;
    if (best == nullptr || turn_of(r) < turn_of(*best)) best = &r;
    return ++candidates < kTakeTurns;
  });
  if (best == nullptr) best = fallback;
  return best == nullptr ? ReplicaId{} : best->id;
}

/// What has no node yet finds nothing out.
void add_unpinned(const Snapshot& view, const Replica& replica, std::set<VersionKey>& out) {
  if (replica.node.empty()) return;
  const auto version = view.version(replica.workload, replica.version);
  if (version && version->image_digest.empty()) out.emplace(replica.workload, replica.version);
}

/// Versions whose pin these commits may have moved.
std::set<VersionKey> suspects(const Snapshot& before, const Snapshot& after,
                              const std::vector<Commit>& commits) {
  std::set<VersionKey> out;
  for (const auto& commit : commits) {
    for (const auto& change : commit.changes) {
      if (!change.record) continue;
      if (const auto* v = std::get_if<std::shared_ptr<const Version>>(&*change.record)) {
        if (!(*v)->image_digest.empty()) out.emplace((*v)->workload, (*v)->number);
      } else if (const auto* r = std::get_if<std::shared_ptr<const Replica>>(&*change.record)) {
        add_unpinned(after, **r, out);
      } else if (const auto* n = std::get_if<std::shared_ptr<const Node>>(&*change.record)) {
        const auto old = before.node((*n)->description.id);
        if (old && old->state == (*n)->state) continue;
        for (const auto& replica : after.replicas_on((*n)->description.id))
          if (!is_terminal(replica->phase)) add_unpinned(after, *replica, out);
      }
    }
  }
  return out;
}

std::optional<ImagePin> pin_of(const Snapshot& snapshot, const VersionKey& key) {
  const auto version = snapshot.version(key.first, key.second);
  return version ? std::optional(image_pin(snapshot, *version)) : std::nullopt;
}

}  // namespace

ImagePin image_pin(const Snapshot& snapshot, const Version& version) {
  if (!version.image_digest.empty()) return {version.image_digest, {}};
  // A digest in the spec needs nobody to find it out.
  if (const auto named = digest_in(version.pod.image); !named.empty()) return {std::string(named), {}};
  return {{}, resolver_of(snapshot, {version.workload, version.number})};
}

std::set<NodeId> nodes_with_moved_pins(const Snapshot& before, const Snapshot& after,
                                       const std::vector<Commit>& commits) {
  std::set<NodeId> nodes;
  for (const auto& key : suspects(before, after, commits)) {
    if (pin_of(before, key) == pin_of(after, key)) continue;
    // Also those that are on their way out: their assignments say it too.
    visit_assigned(after, key, [&](const Replica& r) {
      nodes.insert(r.node);
      return true;
    });
  }
  return nodes;
}

}  // namespace cloudless::node_link
