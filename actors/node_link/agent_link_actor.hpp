// The agent's end of the node link: dials until a coordinator welcomes it, keeps the lease, puts assignment
// sets together for the supervisor, and carries reports and sessions. It starts again from the dial whenever
// it is not heard.
#pragma once

#include "actors/node_link/dial_port.hpp"
#include "messages/agent.hpp"
#include "messages/domain/node.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::node_link {

struct AgentIdentity {
  NodeDescription description;
  std::uint64_t boot_id = 0;  ///< random per process
  std::uint64_t seed = 0;     ///< of the jitter between attempts to connect
};

/// `dialer` and `clock` outlive the system.
agent_link_actor spawn_agent_link(caf::actor_system& system, runtime_supervisor_actor supervisor,
                                  DialPort& dialer, AgentIdentity identity, const Clock& clock);

}  // namespace cloudless::node_link
