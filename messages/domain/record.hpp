// What the store keeps: records under keys, changed by commits. Records are immutable and shared: a change
// replaces one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "messages/domain/event.hpp"
#include "messages/domain/ids.hpp"
#include "messages/domain/node.hpp"
#include "messages/domain/replica.hpp"
#include "messages/domain/rollout.hpp"
#include "messages/domain/secret.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless {

/// Record "meta/cluster": made with an empty store, never changed.
struct ClusterMeta {
  std::string cluster_id;  ///< random, 32 hexadecimal digits; agents pin it
  bool operator==(const ClusterMeta&) const = default;
};

/// Record "idempotency/<principal>/<method>/<namespace>/<key>" (ARCHITECTURE.md, rule 14). Not part of a
/// Snapshot.
struct IdempotencyRow {
  std::string principal;
  std::string method;
  std::string ns;
  std::string key;
  std::string request_hash;
  std::string reply;  ///< encoded CommandReply or NodeReply
  WallMillis expires_at = 0;
  bool operator==(const IdempotencyRow&) const = default;
};

/// The values are stored: never renumber.
enum class RecordKind : std::uint8_t {
  cluster_meta = 1,
  workload = 2,
  version = 3,
  replica = 4,
  node = 5,
  event = 6,
  idempotency = 7,
  secret = 8,
  rollout = 9,
};

/// Kind and name within the kind.
struct Key {
  RecordKind kind = RecordKind::cluster_meta;
  std::string id;
  auto operator<=>(const Key&) const = default;
};

using Record =
    std::variant<std::shared_ptr<const ClusterMeta>, std::shared_ptr<const Workload>,
                 std::shared_ptr<const Version>, std::shared_ptr<const Replica>, std::shared_ptr<const Node>,
                 std::shared_ptr<const Event>, std::shared_ptr<const IdempotencyRow>,
                 std::shared_ptr<const Secret>, std::shared_ptr<const Rollout>>;

/// The key that a record is stored under.
Key key_of(const Record& record);
Key workload_key(const WorkloadUid& uid);
Key version_key(const WorkloadUid& uid, std::uint64_t number);
Key replica_key(const ReplicaId& id);
Key rollout_key(const WorkloadUid& uid, std::uint64_t number);
Key node_key(const NodeId& id);
Key secret_key(const std::string& ns, const std::string& name);

/// What preconditions compare: Workload::revision, Node::schedulable_revision, Secret::revision; 1 for other
/// kinds. Never 0.
std::uint64_t guard_of(const Record& record);

/// One record put, or deleted.
struct Change {
  Key key;
  std::optional<Record> record;  ///< absent: deleted
};
Change put(Record record);
Change erase(Key key);

/// The commit is refused with ABORTED unless the record's guard is this; 0: the record must not exist.
struct Precondition {
  Key key;
  std::uint64_t guard = 0;
  bool operator==(const Precondition&) const = default;
};

/// An atomic unit: at most kMaxCommitChanges changes.
inline constexpr std::size_t kMaxCommitChanges = 100;

/// One commit as everybody sees it.
struct Commit {
  Revision revision = 0;  ///< predecessor is revision - 1
  std::vector<Change> changes;
};

}  // namespace cloudless
