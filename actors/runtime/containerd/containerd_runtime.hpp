// The real runtime: containers through containerd's own API. The agent's composition root makes one;
// containers outlive it, and another one, made later with the same options, knows them again (list).
#pragma once

#include <memory>

#include "actors/runtime/containerd/options.hpp"
#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

/// INVALID_ARGUMENT or FAILED_PRECONDITION when the options cannot work (logger, folders, subnet). containerd
/// itself may be away: calls answer UNAVAILABLE until it is there. When the runtime ends, calls under way
/// answer CANCELLED or UNAVAILABLE.
Result<std::unique_ptr<RuntimePort>> make_containerd_runtime(const ContainerdOptions& options);

/// Removes every container of this node, its bridge and its control groups; images and logs stay. Blocks. For
/// machines that are given back.
Result<Nothing> remove_everything(const ContainerdOptions& options);

}  // namespace cloudless::runtime
