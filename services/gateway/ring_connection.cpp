#include "services/gateway/ring_connection.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace cloudless::gateway {

RingConnection::RingConnection(caf::actor_system& system, node_link::DialOptions options, std::string who)
    : dialer_(system, std::move(options), std::move(who)) {}

void RingConnection::find_store(std::function<void(Result<store_actor>)> done) {
  if (connected_->exchange(false))
    spdlog::warn("gateway: lost the coordinator; reads go on from what was seen last");
  dialer_.join([owners = owners_, connected = connected_,
                done = std::move(done)](const Result<node_link::Ring>& ring) {
    if (!ring) return done(fail(ring.error()));
    owners->set({ring->workload_state, ring->node_membership, ring->events, ring->link_hub, ring->secrets});
    *connected = true;
    spdlog::info("gateway: connected to the coordinator");
    done(ring->store);
  });
}

}  // namespace cloudless::gateway
