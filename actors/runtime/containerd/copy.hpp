// Files into and out of running containers, as tar streams: read and written by the agent through the
// container's root, so that an image needs no tool for it. One thread per copy; a few at a time.
#pragma once

#include <functional>
#include <memory>

#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/worker_pool.hpp"
#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

/// FAILED_PRECONDITION when the container does not run or the path cannot be read or written;
/// INVALID_ARGUMENT for what is no archive, or one that may not be unpacked.
std::unique_ptr<RuntimeStream> open_copy(Client& client, WorkerPool& jobs, const ContainerId& container,
                                         CopyQuery query, std::uint64_t credit,
                                         std::function<void(StreamNews)> tell);

}  // namespace cloudless::runtime
