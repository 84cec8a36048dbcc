// A whole agent: the composition root. One actor system with the supervisor and the link; behind it
// containerd, the disk and the logs; beside it the gRPC API and HTTP. Ending it leaves the containers
// running.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "messages/domain/error.hpp"
#include "services/agent/agent_settings.hpp"

namespace cloudless::agent {

class Agent {
 public:
  struct Ports {
    std::uint16_t grpc = 0;
    std::uint16_t http = 0;
  };

  /// Prepares the machine, reads the disk, opens the ports and begins to dial. `on_end` is called once, from
  /// any thread, when the agent cannot go on; it must end the process, which adopts its containers at the
  /// next start.
  static Result<std::unique_ptr<Agent>> start(const AgentSettings& settings,
                                              std::function<void(const Error&)> on_end);
  virtual ~Agent() = default;
  virtual Ports ports() const = 0;
};

}  // namespace cloudless::agent
