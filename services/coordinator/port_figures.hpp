// What became of connections to the coordinator's link and ring ports, for /metrics.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/node_link/transport/listener.hpp"
#include "telemetry/metrics.hpp"

namespace cloudless::coordinator {

/// The listeners, by the name of their port, outlive the figures' use; null ones are left out.
std::shared_ptr<prometheus::Collectable> port_figures(
    std::vector<std::pair<std::string, const node_link::Listener*>> listeners);

}  // namespace cloudless::coordinator
