#include "services/gateway/ring_connection.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "messages/caf_error.hpp"

namespace cloudless::gateway {
namespace {

using namespace std::chrono_literals;

using Found = std::function<void(Result<store_actor>)>;

/// Asks the door once, and ends.
void ask_door(caf::event_based_actor* self, const ring_door_actor& door, const std::string& who,
              const std::shared_ptr<OwnersInUse>& owners, const std::shared_ptr<std::atomic<bool>>& connected,
              const Found& done) {
  self->request(door, 3s, hello_atom_v, who)
      .then(
          [=](store_actor& store, workload_state_actor& workloads, node_membership_actor& nodes,
              link_hub_actor& links, events_actor& events) {
            owners->set({workloads, nodes, events, links});
            *connected = true;
            spdlog::info("gateway: connected to the coordinator");
            done(std::move(store));
          },
          [=](const caf::error& error) { done(fail(from_caf(error))); });
}

}  // namespace

RingConnection::RingConnection(caf::actor_system& system, node_link::DialOptions options, std::string who)
    : system_(system),
      who_(std::move(who)),
      dialer_(system, std::move(options), system.message_types<ring_door_actor>()) {}

void RingConnection::find_store(Found done) {
  if (connected_->exchange(false))
    spdlog::warn("gateway: lost the coordinator; reads go on from what was seen last");
  dialer_.dial([&system = system_, who = who_, owners = owners_, connected = connected_,
                done = std::move(done)](Result<caf::strong_actor_ptr> found) {
    if (!found) return done(fail(found.error()));
    system.spawn([=, door = caf::actor_cast<ring_door_actor>(*found)](caf::event_based_actor* self) {
      ask_door(self, door, who, owners, connected, done);
    });
  });
}

}  // namespace cloudless::gateway
