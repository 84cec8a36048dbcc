// The actor that fills a gateway's Mirror: follows a source of commits (the store, or a mirror of a store
// elsewhere) and publishes every batch. It is the mirror's only writer, and closes the mirror when it ends.
#pragma once

#include <memory>

#include "gateway/mirror.hpp"
#include "messages/store.hpp"

namespace cloudless::gateway {

/// `clock` outlives the system. Ends when the source ends; a source that does not answer is asked again.
follower_actor spawn_mirror_feed(caf::actor_system& system, source_actor source,
                                 std::shared_ptr<Mirror> mirror, const Clock& clock);

}  // namespace cloudless::gateway
