#include "actors/node_link/transport/host_dialer.hpp"

#include <caf/io/all.hpp>
#include <chrono>
#include <utility>

#include "messages/caf_error.hpp"

namespace cloudless::node_link {
namespace {

constexpr std::chrono::seconds kPlacedWithin{5};

struct Order {
  host_door_actor door;
  std::string who;
  std::string kind;
  caf::message args;
  std::set<std::string> interface;
  HostDialer::Done done;
};

Error why(const caf::error& error, const std::string& kind) {
  if (error == caf::sec::cannot_spawn_actor_from_arguments)
    return {Errc::invalid_argument, "the host does not make a " + kind + " from these arguments", {}};
  if (error == caf::sec::unexpected_actor_messaging_interface)
    return {Errc::failed_precondition,
            "the host's " + kind + " has another interface; is it of this version?",
            {}};
  return from_caf(error);
}

void spawn_there(caf::event_based_actor* self, const Order& order) {
  self->request(self->system().middleman().actor_handle(), kPlacedWithin, caf::spawn_atom_v,
                order.door->node(), order.kind, order.args, order.interface)
      .then([order](const caf::strong_actor_ptr& placed) { order.done(placed); },
            [order](const caf::error& error) { order.done(fail(why(error, order.kind))); });
}

/// An actor that lives until the host has answered.
void place_by(caf::event_based_actor* self, const Order& order) {
  self->request(order.door, kPlacedWithin, hello_atom_v, order.who)
      .then(
          [self, order](const std::set<std::string>& kinds) {
            if (kinds.count(order.kind) != 0) return spawn_there(self, order);
            std::string known;
            for (const auto& kind : kinds) known += (known.empty() ? "" : ", ") + kind;
            order.done(fail(Errc::not_found, "the host knows no " + order.kind + ", only " + known));
          },
          [order](const caf::error& error) { order.done(fail(from_caf(error))); });
}

}  // namespace

HostDialer::HostDialer(caf::actor_system& system, DialOptions options, std::string who)
    : system_(system),
      who_(std::move(who)),
      dialer_(system, std::move(options), system.message_types<host_door_actor>()) {}

void HostDialer::place(std::string kind, caf::message args, std::set<std::string> interface, Done done) {
  dialer_.dial(
      [&system = system_,
       order = Order{{}, who_, std::move(kind), std::move(args), std::move(interface), std::move(done)}](
          const Result<caf::strong_actor_ptr>& found) mutable {
        if (!found) return order.done(fail(found.error()));
        order.door = caf::actor_cast<host_door_actor>(*found);
        system.spawn<caf::hidden>(place_by, order);
      });
}

}  // namespace cloudless::node_link
