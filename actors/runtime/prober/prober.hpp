// The real probe port: questions over the network on one thread with an event loop (libcurl), exec questions
// through the container runtime, a few at a time.
#pragma once

#include <memory>

#include "actors/runtime/probe_port.hpp"
#include "actors/runtime/prober/exec_desk.hpp"

namespace cloudless::runtime {

/// UNAVAILABLE if the node has no descriptors left. When it is destroyed, questions that are under way are
/// answered with `unknown`; commands that run may answer later, so `run_exec` must not need the prober.
Result<std::unique_ptr<ProbePort>> make_prober(RunExec run_exec);

}  // namespace cloudless::runtime
