#include "actors/node_link/transport/ring_dialer.hpp"

#include <chrono>
#include <utility>

#include "messages/caf_error.hpp"

namespace cloudless::node_link {
namespace {

constexpr std::chrono::seconds kJoinedWithin{5};

/// An actor that lives until the door has answered.
void greet(caf::actor_system& system, const ring_door_actor& door, const std::string& who,
           RingDialer::Done done) {
  system.spawn<caf::hidden>([door, who, done = std::move(done)](caf::event_based_actor* self) {
    self->request(door, kJoinedWithin, hello_atom_v, who)
        .then(
            [done](const store_actor& store, const workload_state_actor& workload_state,
                   const node_membership_actor& node_membership, const link_hub_actor& link_hub,
                   const events_actor& events, const secrets_actor& secrets) {
              done(Ring{store, workload_state, node_membership, link_hub, events, secrets});
            },
            [done](const caf::error& error) { done(fail(from_caf(error))); });
  });
}

}  // namespace

RingDialer::RingDialer(caf::actor_system& system, DialOptions options, std::string who)
    : system_(system),
      who_(std::move(who)),
      dialer_(system, std::move(options), system.message_types<ring_door_actor>()) {}

void RingDialer::join(Done done) {
  dialer_.dial([&system = system_, who = who_, done = std::move(done)](Result<caf::strong_actor_ptr> found) {
    if (found)
      greet(system, caf::actor_cast<ring_door_actor>(*found), who, done);
    else
      done(fail(found.error()));
  });
}

}  // namespace cloudless::node_link
