#include "actors/node_link/assignment_set.hpp"

#include <algorithm>
#include <map>

#include "actors/node_link/image_pin.hpp"
#include "actors/node_link/pull_access.hpp"

namespace cloudless::node_link {
namespace {

/// FNV-1a: against parts of two sets taken for one, not against malice.
std::string checksum(const std::string& bytes) {
  std::uint64_t hash = 1469598103934665603u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  std::string out(8, '\0');
  for (auto& c : out) {
    c = static_cast<char>(hash & 0xff);
    hash >>= 8;
  }
  return out;
}
constexpr std::size_t kChecksumBytes = 8;

/// What an assignment is made of, apart from the immutable version.
bool same_assignment(const Replica& a, const Replica& b) {
  return a.node == b.node && a.version == b.version && a.stop == b.stop &&
         is_terminal(a.phase) == is_terminal(b.phase);
}

/// Limits are the workload's, not the version's: a change of them concerns every node with one of its
/// replicas.
void add_nodes_of_changed_limits(const Snapshot& before, const Change& change, std::set<NodeId>& nodes) {
  const auto* record =
      change.record ? std::get_if<std::shared_ptr<const Workload>>(&*change.record) : nullptr;
  if (record == nullptr) return;
  const auto old = before.workload((*record)->uid);
  if (!old || old->spec.limits == (*record)->spec.limits) return;
  for (const auto& replica : before.replicas_of(old->uid))
    if (!replica->node.empty()) nodes.insert(replica->node);
}

}  // namespace

std::optional<AssignmentSet> applied(const AssignmentSet& base, const AssignmentSet& changes) {
  if (changes.full) return changes;
  if (changes.base_revision != base.revision || changes.cluster_id != base.cluster_id ||
      changes.node != base.node)
    return std::nullopt;
  AssignmentSet out = base;
  out.full = true;
  out.revision = changes.revision;
  std::erase_if(out.assignments, [&](const Assignment& have) {
    return std::find(changes.removed.begin(), changes.removed.end(), have.replica) != changes.removed.end();
  });
  std::map<ReplicaId, std::size_t> position;
  for (std::size_t i = 0; i < out.assignments.size(); ++i) position.emplace(out.assignments[i].replica, i);
  for (const auto& change : changes.assignments) {
    const auto known = position.find(change.replica);
    if (known == position.end())
      out.assignments.push_back(change);
    else
      out.assignments[known->second] = change;
  }
  return out;
}

std::set<NodeId> touched_nodes(const Snapshot& before, const Snapshot& after,
                               const std::vector<Commit>& commits) {
  std::set<NodeId> nodes = nodes_with_moved_pins(before, after, commits);
  nodes.merge(nodes_with_changed_secrets(after, commits));
  for (const auto& commit : commits) {
    for (const auto& change : commit.changes) {
      if (change.key.kind == RecordKind::workload) add_nodes_of_changed_limits(before, change, nodes);
      if (change.key.kind != RecordKind::replica) continue;
      const auto old = before.replica(ReplicaId{change.key.id});
      const auto* record =
          change.record ? std::get_if<std::shared_ptr<const Replica>>(&*change.record) : nullptr;
      if (old && record != nullptr && same_assignment(*old, **record)) continue;
      if (old && !old->node.empty()) nodes.insert(old->node);
      if (record != nullptr && !(*record)->node.empty()) nodes.insert((*record)->node);
    }
  }
  return nodes;
}

std::vector<SetPart> set_parts(Revision revision, const std::string& encoded) {
  const auto whole = checksum(encoded) + encoded;
  const auto count = std::max<std::size_t>(1, (whole.size() + kSetPartBytes - 1) / kSetPartBytes);
  std::vector<SetPart> parts;
  parts.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    parts.push_back({revision, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(count),
                     whole.substr(i * kSetPartBytes, kSetPartBytes)});
  }
  return parts;
}

std::optional<std::string> SetAssembly::add(const SetPart& part) {
  if (part.count == 0 || part.count > kMaxSetParts || part.index >= part.count) return std::nullopt;
  if (part.bytes.size() > kSetPartBytes) return std::nullopt;
  if (part.revision < revision_) return std::nullopt;
  // A set sent again at the same revision may be cut differently (full after changes): the newest cut wins.
  if (part.revision > revision_ || part.count != parts_.size()) {
    revision_ = part.revision;
    parts_.assign(part.count, std::nullopt);
    missing_ = part.count;
  }
  auto& slot = parts_[part.index];
  if (!slot) --missing_;
  slot = part.bytes;
  if (missing_ > 0) return std::nullopt;
  std::string whole;
  for (const auto& piece : parts_) whole += *piece;
  parts_.clear();
  if (whole.size() < kChecksumBytes) return std::nullopt;
  const auto encoded = whole.substr(kChecksumBytes);
  if (checksum(encoded) != whole.substr(0, kChecksumBytes)) return std::nullopt;
  return encoded;
}

void SetAssembly::clear() {
  revision_ = 0;
  parts_.clear();
  missing_ = 0;
}

}  // namespace cloudless::node_link
