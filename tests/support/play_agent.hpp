// An agent without containers for flow tests: the real link and transport, and a supervisor that says of
// every assignment that it runs, and of every stop that it ended. Log and exec sessions are answered with
// fixed words.
#pragma once

#include <caf/io/all.hpp>
#include <memory>
#include <string>

#include "actors/node_link/agent_link_actor.hpp"
#include "actors/node_link/transport/dialer.hpp"
#include "actors/node_link/transport/network_config.hpp"
#include "telemetry/system_clock.hpp"

namespace cloudless::test {

class PlayAgent {
 public:
  PlayAgent(const std::string& node, std::uint16_t link_port, const std::string& secret);
  ~PlayAgent();

 private:
  struct Config : caf::actor_system_config {
    Config();
  };
  Config config_;
  caf::actor_system system_;
  telemetry::SystemClock clock_;
  std::unique_ptr<node_link::LinkDialer> dialer_;
  runtime_supervisor_actor supervisor_;
  agent_link_actor link_;
};

}  // namespace cloudless::test
