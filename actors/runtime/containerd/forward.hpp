// Connections to ports inside containers: made in the container's own network, so that what listens at its
// loopback address only is reached, too. Bytes move in the relay loop.
#pragma once

#include <functional>
#include <memory>

#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/relay.hpp"
#include "actors/runtime/containerd/worker_pool.hpp"
#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

/// What forwards work with; all of it outlives them.
struct ForwardParts {
  Client& client;
  WorkerPool& jobs;
  RelayLoop& loop;
};

/// FAILED_PRECONDITION when the container does not run, or nothing listens at the port; UNAVAILABLE when the
/// connection breaks.
std::unique_ptr<RuntimeStream> open_forward(const ForwardParts& parts, const ContainerId& container,
                                            const ForwardQuery& query, std::uint64_t credit,
                                            std::function<void(StreamNews)> tell);

}  // namespace cloudless::runtime
