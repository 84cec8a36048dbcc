// The real probe port: questions over the network on one thread with an event loop (libcurl), exec questions
// through the runtime port, a few at a time.
#pragma once

#include <memory>

#include "actors/runtime/probe_port.hpp"

namespace cloudless::runtime {

/// `runtime` outlives it. UNAVAILABLE if the node has no descriptors left. When it is destroyed, questions
/// that are under way are answered with `unknown`.
Result<std::unique_ptr<ProbePort>> make_prober(RuntimePort& runtime);

}  // namespace cloudless::runtime
