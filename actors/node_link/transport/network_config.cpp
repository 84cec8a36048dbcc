#include "actors/node_link/transport/network_config.hpp"

#include <caf/io/all.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "messages/caf_error.hpp"

namespace cloudless::node_link {

void configure_network(caf::actor_system_config& config) {
  using namespace std::chrono_literals;
  register_messages(config);
  config.load<caf::io::middleman>();
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("middleman.app-identifiers", std::vector<std::string>{kLinkVersion});
  config.set("middleman.heartbeat-interval", caf::timespan{2s});
  config.set("middleman.connection-timeout", caf::timespan{10s});
  config.set("middleman.enable-automatic-connections", false);
}

}  // namespace cloudless::node_link
