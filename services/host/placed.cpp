#include "services/host/placed.hpp"

#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

#include "actors/rollout/rollout_actor.hpp"
#include "actors/scheduler/scheduler_actor.hpp"
#include "actors/store/mirror_actor.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::host {
namespace {

static_assert(std::is_same_v<scheduler_actor, rollout_actor>);
using Spawn = scheduler_actor (*)(caf::actor_system&, source_actor, workload_state_actor);

const std::map<std::string, Spawn>& spawns() {
  static const std::map<std::string, Spawn> kSpawns{{"rollout", spawn_rollout},
                                                    {"scheduler", spawn_scheduler}};
  return kSpawns;
}

using Actors = std::vector<caf::strong_actor_ptr>;

/// An actor that lives as long as all of these. Those here end with it.
caf::actor spawn_tie(caf::actor_system& system, const Actors& here, const Actors& elsewhere) {
  return system.spawn<caf::hidden>([here, elsewhere](caf::event_based_actor* self) -> caf::behavior {
    self->set_down_handler([self](const caf::down_msg& down) {
      spdlog::info("placed deciders end: {}", from_caf(down.reason).message);
      self->quit(caf::exit_reason::remote_link_unreachable);
    });
    for (const auto& actor : here) self->link_to(caf::actor_cast<caf::actor>(actor));
    for (const auto& actor : elsewhere) self->monitor(actor);
    // Without a handler an actor would end at once.
    return {[](sweep_atom) {}};
  });
}

template <class Handle>
caf::strong_actor_ptr raw(const Handle& handle) {
  return caf::actor_cast<caf::strong_actor_ptr>(handle);
}

}  // namespace

const std::set<std::string>& decider_kinds() {
  static const std::set<std::string> kKinds = [] {
    std::set<std::string> out;
    for (const auto& [kind, spawn] : spawns()) out.insert(kind);
    return out;
  }();
  return kKinds;
}

Placed::Group Placed::place(caf::actor_system& system, const std::set<std::string>& kinds,
                            const store_actor& store, const workload_state_actor& owner) {
  std::unique_lock lock(mutex_);
  if (closed_) return {};
  const auto mirror = spawn_mirror(system, store);
  Group out;
  Actors here{raw(mirror)};
  for (const auto& kind : kinds) {
    out.deciders[kind] = spawns().at(kind)(system, mirror, owner);
    here.push_back(raw(out.deciders[kind]));
  }
  const auto tie = spawn_tie(system, here, {raw(store), raw(owner)});
  out.tie = raw(tie);
  ties_[tie.address()] = out.tie;
  // If the tie has ended already it is forgotten on this thread, at once.
  lock.unlock();
  tie->attach_functor([this, address = tie.address()] { forget(address); });
  return out;
}

void Placed::forget(const caf::actor_addr& tie) {
  const std::lock_guard lock(mutex_);
  ties_.erase(tie);
}

std::size_t Placed::count() const {
  const std::lock_guard lock(mutex_);
  return ties_.size();
}

void Placed::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& [address, tie] : ties_) caf::anon_send_exit(tie, caf::exit_reason::user_shutdown);
}

void offer_deciders(caf::actor_system_config& config, std::shared_ptr<Placed> placed) {
  for (const auto& kind : decider_kinds())
    config.add_actor_factory(
        kind, [kind, placed](caf::actor_config& actor, caf::message& args) -> caf::actor_factory_result {
          if (!args.match_elements<store_actor, workload_state_actor>()) return {};
          const auto& store = args.get_as<store_actor>(0);
          const auto& owner = args.get_as<workload_state_actor>(1);
          if (!store || !owner) return {};
          auto& system = actor.host->system();
          const auto group = placed->place(system, {kind}, store, owner);
          if (!group.tie) return {};
          spdlog::info("{}: placed here", kind);
          return {raw(group.deciders.at(kind)), system.message_types<scheduler_actor>()};
        });
}

}  // namespace cloudless::host
