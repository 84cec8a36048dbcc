// A store engine with a watch in its hand: counts and times the batches of another one, for /metrics.
#pragma once

#include <memory>

#include "actors/store/engine.hpp"
#include "telemetry/metrics.hpp"

namespace cloudless::coordinator {

/// The registry outlives the engine.
std::unique_ptr<store::Engine> measured_engine(std::unique_ptr<store::Engine> engine,
                                               prometheus::Registry& registry);

}  // namespace cloudless::coordinator
