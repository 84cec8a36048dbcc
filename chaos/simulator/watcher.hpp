// A follower of the store that trusts nothing: every revision once, in order, with the content that the disk
// has.
#pragma once

#include <memory>

#include "chaos/simulator/stage.hpp"
#include "chaos/simulator/truth.hpp"
#include "messages/store.hpp"

namespace cloudless::sim {

/// Reports to `stage` for as long as *alive.
follower_actor spawn_watcher(Stage& stage, const Truth& truth, source_actor source,
                             std::shared_ptr<const bool> alive);

}  // namespace cloudless::sim
