#include <chrono>
#include <map>
#include <utility>

#include "gateway/call.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::gateway {
namespace {

struct State {
  explicit State(gateway_actor::pointer) {}
  std::shared_ptr<const OwnersInUse> in_use;
  /// The owners that are watched for their end, and whether one of them has ended.
  std::shared_ptr<const Owners> watched;
  bool gone = false;
  /// A request to a peer that is gone would only end by its time-out: these are ended at once.
  std::map<const Call*, std::weak_ptr<Call>> in_flight;
};
using Self = gateway_actor::stateful_pointer<State>;

Error away() {
  return {
      Errc::unavailable, "the coordinator is away; whether this was carried out is not known, try again", {}};
}

template <class Owner>
void watch(Self self, const Owner& owner) {
  if (owner) self->monitor(owner);
}

/// The owners now; their ends are heard from here on.
const Owners& owners_of(Self self) {
  auto now = self->state.in_use->now();
  if (now != self->state.watched) {
    watch(self, now->workloads);
    watch(self, now->nodes);
    watch(self, now->events);
    watch(self, now->secrets);
    self->state.watched = std::move(now);
    self->state.gone = false;
  }
  return *self->state.watched;
}

template <class Reply, class Owner, class Message>
void ask_owner(Self self, const Owner& owner, const Message& message, const CallPtr& call) {
  if (!owner || self->state.gone) return call->finish(fail(away()));
  self->state.in_flight.emplace(call.get(), call);
  self->request(owner, std::chrono::milliseconds(call->budget()), message)
      .then(
          [self, call](Reply& reply) {
            self->state.in_flight.erase(call.get());
            call->finish(Answer{std::move(reply)});
          },
          [self, call](const caf::error& error) {
            self->state.in_flight.erase(call.get());
            call->finish(fail(from_caf(error)));
          });
}

gateway_actor::behavior_type gateway(Self self, std::shared_ptr<const OwnersInUse> in_use) {
  self->state.in_use = std::move(in_use);
  self->set_down_handler([self](const caf::down_msg& down) {
    const auto& watched = self->state.watched;
    // Not one of the owners before them, whose end may be told late.
    if (down.source != watched->workloads && down.source != watched->nodes &&
        down.source != watched->events && down.source != watched->secrets)
      return;
    self->state.gone = true;
    for (const auto& [address, weak] : std::exchange(self->state.in_flight, {}))
      if (const auto call = weak.lock()) call->finish(fail(away()));
  });
  return {[self](const CallPtr& call) {
    const auto& owners = owners_of(self);
    if (auto* workload = std::get_if<Carried<WorkloadCommand>>(&call->ask())) {
      ask_owner<Carried<CommandReply>>(self, owners.workloads, *workload, call);
    } else if (auto* node = std::get_if<Carried<NodeCommand>>(&call->ask())) {
      ask_owner<Carried<NodeReply>>(self, owners.nodes, *node, call);
    } else if (auto* events = std::get_if<Carried<EventQuery>>(&call->ask())) {
      ask_owner<Carried<EventList>>(self, owners.events, *events, call);
    } else if (auto* secret = std::get_if<Carried<SecretCommand>>(&call->ask())) {
      ask_owner<Carried<SecretReply>>(self, owners.secrets, *secret, call);
    }
  }};
}

}  // namespace

void register_gateway(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::cloudless_gateway>();
}

gateway_actor spawn_gateway(caf::actor_system& system, std::shared_ptr<const OwnersInUse> owners) {
  return system.spawn(gateway, std::move(owners));
}

}  // namespace cloudless::gateway
