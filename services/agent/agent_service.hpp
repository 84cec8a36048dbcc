// AgentService: logs, exec and status of this machine's containers, for clients on this machine. gRPC's
// callback API: no thread waits for a call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/runtime/runtime_port.hpp"
#include "messages/agent.hpp"

namespace cloudless::agent {

/// What the service works with; all of it outlives the server.
struct ServiceParts {
  caf::actor_system& system;
  runtime_supervisor_actor supervisor;
  runtime::RuntimePort& runtime;
  NodeId node;
};

class AgentServer {
 public:
  /// The API with reflection and grpc.health.v1. Port 0 takes a free one. UNAVAILABLE if the
  /// address cannot be listened at.
  static Result<std::unique_ptr<AgentServer>> start(ServiceParts parts, const std::string& address);
  /// Ends all calls within a second.
  virtual ~AgentServer() = default;
  virtual std::uint16_t port() const = 0;
};

}  // namespace cloudless::agent
