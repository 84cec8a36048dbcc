// Keeps one actor within reach of a network: looks for it, holds it, and looks again, with growing pauses,
// when it or the way to it is gone. For processes that live on actors elsewhere: a decider's host joins a
// coordinator's ring with it, a coordinator keeps its scheduler placed on a host.
#pragma once

#include <functional>
#include <string>

#include "messages/domain/error.hpp"
#include "messages/node_link.hpp"

namespace cloudless::node_link {

struct KeeperOptions {
  std::string what;  ///< what is looked for, for the log: "the ring at 127.0.0.1:9094"
  /// Looks for it. Returns at once; calls back exactly once, from any thread, within a deadline of its own.
  std::function<void(std::function<void(Result<caf::strong_actor_ptr>)>)> find;
  std::uint64_t seed = 0;  ///< of the jitter in the pauses
};

/// (sweep_atom), to itself: look for it.
using keeper_actor = ActorOf<caf::result<void>(sweep_atom)>;

/// Begins to look at once. When the keeper ends it ends what it holds.
keeper_actor spawn_keeper(caf::actor_system& system, KeeperOptions options);

}  // namespace cloudless::node_link
