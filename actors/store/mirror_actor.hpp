// A store's copy in another process: follows the store over CAF's network and is followed here like the store
// itself (source_actor). Gateways and deciders outside the coordinator live on it. After a gap or a lost
// connection it asks again and goes on; meanwhile its followers keep the last snapshot.
#pragma once

#include <functional>

#include "messages/domain/error.hpp"
#include "messages/domain/time.hpp"
#include "messages/store.hpp"

namespace cloudless {

struct MirrorOptions {
  /// Looks for the store. Returns at once; calls back exactly once, from any thread. Asked again after every
  /// failure and every lost connection, so it should have a deadline of its own.
  std::function<void(std::function<void(Result<store_actor>)>)> find_store;
  /// Bytes that may be on their way, at least 128 KiB.
  std::uint64_t window = 256 << 10;
  /// Pause before the store is looked for again: doubles from the first to the second after failures in a
  /// row.
  Millis shortest_pause = 100;
  Millis longest_pause = 2000;
};

/// A follower that comes before the first load is answered when that is complete.
source_actor spawn_mirror(caf::actor_system& system, MirrorOptions options);

/// The same for a handle that is at hand.
source_actor spawn_mirror(caf::actor_system& system, const store_actor& remote);

}  // namespace cloudless
