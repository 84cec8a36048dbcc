#include <chrono>
#include <utility>

#include "gateway/call.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::gateway {
namespace {

/// Asks one owner; a call that is dropped on the way finishes itself.
template <class Reply, class Owner, class Message>
void ask_owner(gateway_actor::pointer self, const Owner& owner, const Message& message, const CallPtr& call) {
  if (!owner) {
    call->finish(fail(Errc::unavailable, "this gateway has no connection to the coordinator; try again"));
    return;
  }
  self->request(owner, std::chrono::milliseconds(call->budget()), message)
      .then([call](Reply& reply) { call->finish(Answer{std::move(reply)}); },
            [call](const caf::error& error) { call->finish(fail(from_caf(error))); });
}

gateway_actor::behavior_type gateway(gateway_actor::pointer self,
                                     const std::shared_ptr<const OwnersInUse>& in_use) {
  return {[self, in_use](const CallPtr& call) {
    const auto owners = in_use->now();
    if (auto* workload = std::get_if<Carried<WorkloadCommand>>(&call->ask())) {
      ask_owner<Carried<CommandReply>>(self, owners->workloads, *workload, call);
    } else if (auto* node = std::get_if<Carried<NodeCommand>>(&call->ask())) {
      ask_owner<Carried<NodeReply>>(self, owners->nodes, *node, call);
    } else if (auto* events = std::get_if<Carried<EventQuery>>(&call->ask())) {
      ask_owner<Carried<EventList>>(self, owners->events, *events, call);
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
