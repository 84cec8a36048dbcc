// Work for an engine and its outcome, in domain values: this is where records become bytes and bytes become
// records, on the thread that runs the engine and not in the actor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "actors/store/engine.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::store {

/// Make these commits durable.
struct CommitJob {
  std::shared_ptr<const std::vector<Commit>> commits;
  WallMillis now = 0;
};
/// Read records of a kind; see Engine::range.
struct RangeJob {
  RecordKind kind = RecordKind::event;
  std::string after;
  std::size_t limit = 0;
};
struct EngineJob {
  std::uint64_t id = 0;
  std::variant<CommitJob, RangeJob> work;
};

struct Outcome {
  std::size_t bytes = 0;                               ///< of a CommitJob: size of what was stored
  std::shared_ptr<const std::vector<Record>> records;  ///< of a RangeJob: never null
};
struct EngineAnswer {
  std::uint64_t job = 0;
  Result<Outcome> outcome;
};

/// Events are dropped from the store this long after they happened.
inline constexpr Millis kEventRetention = Millis{24} * 3'600'000;

EncodedCommit encode(const Commit& commit);

/// Blocks as long as the engine does.
EngineAnswer perform(Engine& engine, const EngineJob& job);

/// The stored state as a snapshot. DATA_LOSS names the record that cannot be read.
Result<Snapshot> load_snapshot(Engine& engine);

}  // namespace cloudless::store
