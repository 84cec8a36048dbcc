// What keeps the records: keys and encoded bytes, nothing of their meaning. store_actor drives one engine
// through an EngineRunner, one call at a time, never from two threads at once. What commit() accepted is
// there after any crash.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::store {

/// One key put, or deleted, in bytes.
struct EncodedChange {
  Key key;
  std::optional<std::string> value;  ///< absent: deleted
  WallMillis expires_at = 0;         ///< 0: never; else the engine may drop the row once this time has passed
};

struct EncodedCommit {
  Revision revision = 0;
  std::vector<EncodedChange> changes;
};

struct StoredRecord {
  Key key;
  std::string value;
  bool operator==(const StoredRecord&) const = default;
};

/// Everything that a Snapshot is made of, in order of the keys, and the last commit's revision (0: an empty
/// store).
struct StoredState {
  Revision revision = 0;
  std::vector<StoredRecord> records;
};

/// Kinds that are part of every Snapshot; the others (events, idempotency rows) are read by range().
constexpr bool in_snapshot(RecordKind kind) {
  return kind != RecordKind::event && kind != RecordKind::idempotency;
}

/// Every call blocks. Errors:
///   RESOURCE_EXHAUSTED  the disk is full: nothing of the batch was stored, the engine can be used again
///   UNAVAILABLE         an I/O error: whether the batch was stored is not known, the engine refuses
///   everything from now on DATA_LOSS           what is stored cannot be read INTERNAL            a defect of
///   ours, or somebody else wrote to the store
class Engine {
 public:
  virtual ~Engine() = default;

  virtual Result<StoredState> load() = 0;

  /// Makes the commits durable, all or none of them, in order. Their revisions follow the stored one without
  /// a gap. Also drops some rows whose expires_at is not after `now`: at least as many as the batch adds, as
  /// long as there are any.
  virtual Result<void> commit(const std::vector<EncodedCommit>& batch, WallMillis now) = 0;

  /// Records of one kind in order of their ids, from the first id after `after` ("": from the first), at most
  /// `limit`.
  virtual Result<std::vector<StoredRecord>> range(RecordKind kind, const std::string& after,
                                                  std::size_t limit) = 0;
};

}  // namespace cloudless::store
