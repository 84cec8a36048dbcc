#include "chaos/systems/processes.hpp"

#include <chrono>
#include <utility>

#include "actors/events/events_actor.hpp"
#include "actors/node_link/agent_link_actor.hpp"
#include "actors/node_link/edge_actor.hpp"
#include "actors/node_link/link_hub_actor.hpp"
#include "actors/node_membership/node_membership_actor.hpp"
#include "actors/rollout/rollout_actor.hpp"
#include "actors/runtime/runtime_supervisor_actor.hpp"
#include "actors/scheduler/scheduler_actor.hpp"
#include "actors/store/store_actor.hpp"
#include "actors/workload_state/workload_state_actor.hpp"
#include "chaos/simulator/gated_ports.hpp"
#include "chaos/simulator/watched_scheduler.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::sim {
namespace {

constexpr MembershipPolicy kPolicy{500, 4000};
constexpr Millis kSupervisorSweep = 3000;
constexpr auto kClientPatience = std::chrono::seconds{8};
constexpr Millis kUnreachable = 20;  ///< until a connection to nobody fails

template <class Handle>
caf::actor raw(const Handle& handle) {
  return caf::actor_cast<caf::actor>(handle);
}

runtime::Post post_of(Universe& universe) {
  return [&universe](Millis delay, std::function<void()> call) { universe.after(delay, std::move(call)); };
}

}  // namespace

CoordinatorProcess::CoordinatorProcess(Universe& universe, Truth& truth, Acknowledged& acknowledged,
                                       std::uint64_t seed)
    : universe_(universe), truth_(truth), acknowledged_(acknowledged), disk_dice_(seed) {}

CoordinatorProcess::~CoordinatorProcess() {
  crash();
}

void CoordinatorProcess::watch(Planet& process, const caf::actor& actor, std::string name) {
  process.own(actor);
  actor->attach_functor([this, alive = alive_, name = std::move(name)](const caf::error& reason) {
    if (*alive)
      universe_.broken({"no actor of the ring ends by itself", name + ": " + caf::to_string(reason)});
  });
}

void CoordinatorProcess::boot() {
  if (alive_) return;
  alive_ = std::make_shared<bool>(true);
  control_ = universe_.start_process();
  edge_ = universe_.start_process();
  StoreOptions options;
  options.new_cluster_id = "0123456789abcdef0123456789abcdef";
  options.simulated_delay = [this] {
    return store::EngineDelay{disk_dice_.between(0, 4), disk_dice_.between(0, 4)};
  };
  auto& system = control_->system();
  const auto store =
      spawn_store(system, truth_.observe(store::memory_engine(disk_), alive_), universe_, std::move(options));
  if (!store) return universe_.broken({"a coordinator boots from its disk", store.error().message});
  for (const auto& breach : acknowledged_.check(truth_.view())) universe_.broken(breach);
  workload_state_ = spawn_workload_state(system, *store, universe_);
  const auto membership = spawn_node_membership(system, *store, universe_, kPolicy);
  const auto edge = node_link::spawn_edge(edge_->system());
  const auto hub =
      node_link::spawn_link_hub(system, *store, workload_state_, membership, edge.bridge, universe_);
  new_door_ = edge.new_door;
  watch(*control_, raw(*store), "store");
  watch(*control_, raw(workload_state_), "workload_state");
  watch(*control_, raw(membership), "node_membership");
  watch(*control_,
        raw(spawn_scheduler(system, *store, workload_state_,
                            std::make_unique<WatchedScheduler>(
                                [this](Breach breach) { universe_.broken(std::move(breach)); }))),
        "scheduler");
  watch(*control_, raw(spawn_rollout(system, *store, workload_state_)), "rollout");
  watch(*control_, raw(spawn_events(system, *store, universe_)), "events");
  watch(*control_, raw(hub), "link hub");
  watch(*edge_, raw(edge.bridge), "edge bridge");
  watch(*edge_, raw(edge.door), "door");
}

void CoordinatorProcess::crash() {
  if (!alive_) return;
  *alive_ = false;
  alive_ = nullptr;
  new_door_ = nullptr;
  workload_state_ = nullptr;
  universe_.kill_process(edge_);
  universe_.kill_process(control_);
  edge_ = nullptr;
  control_ = nullptr;
}

void CoordinatorProcess::submit(const WorkloadCommand& command) {
  if (!alive_) return;
  acknowledged_.sent(command);
  control_->own(control_->system().spawn([this, alive = alive_, command](caf::event_based_actor* self) {
    self->request(workload_state_, kClientPatience, Carried<WorkloadCommand>{command})
        .then(
            [this, alive, command](const Carried<CommandReply>& reply) {
              if (!*alive) return;
              universe_.coverage().count("answer: OK");
              for (const auto& breach : acknowledged_.heard(command, *reply, truth_.view()))
                universe_.broken(breach);
            },
            [this, alive, command](const caf::error& error) {
              if (!*alive) return;
              const auto why = from_caf(error);
              universe_.coverage().count(std::string("answer: ") + to_string(why.code));
              if (why.code == Errc::internal) universe_.broken({"no defect shows to clients", why.message});
              if (why.code == Errc::unavailable || why.code == Errc::deadline_exceeded) return;
              for (const auto& breach : acknowledged_.refused(command)) universe_.broken(breach);
            });
  }));
}

struct AgentProcess::Ports {
  Ports(AgentProcess& agent)
      : runtime(agent.runtime_, alive),
        disk(agent.disk_, alive),
        probes(agent.probes_, alive),
        dial(agent, alive) {}
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  GatedRuntime runtime;
  GatedDisk disk;
  GatedProbes probes;
  GatedDial dial;
  NoLogs logs;
};

AgentProcess::AgentProcess(Universe& universe, const CoordinatorProcess& coordinator,
                           NodeDescription description, std::uint64_t seed,
                           std::shared_ptr<runtime::SimulatedRegistry> registry)
    : universe_(universe),
      coordinator_(coordinator),
      description_(std::move(description)),
      dice_(seed),
      runtime_({seed + 1, 1, 20, 0, "10.88.0", std::move(registry)}, post_of(universe), universe),
      probes_(runtime_, post_of(universe)),
      disk_(seed + 2, post_of(universe)) {}

AgentProcess::~AgentProcess() {
  crash();
}

void AgentProcess::start() {
  if (process_) return;
  process_ = universe_.start_process();
  ports_.push_back(std::make_unique<Ports>(*this));
  auto& ports = *ports_.back();
  const auto supervisor = runtime::spawn_supervisor(
      process_->system(), {ports.runtime, ports.disk, ports.logs, universe_, ports.probes},
      {description_.id, false, kSupervisorSweep});
  const auto link = node_link::spawn_agent_link(process_->system(), supervisor, ports.dial,
                                                {description_, dice_.raw(), dice_.raw()}, universe_);
  for (const auto& actor : {raw(link), raw(supervisor)}) {
    process_->own(actor);
    actor->attach_functor([this, alive = ports.alive](const caf::error& reason) {
      if (*alive)
        universe_.broken({"no actor of an agent ends by itself", id().value + ": " + caf::to_string(reason)});
    });
  }
}

void AgentProcess::crash() {
  if (!process_) return;
  *ports_.back()->alive = false;
  disk_.crash();
  universe_.kill_process(process_);
  process_ = nullptr;
}

void AgentProcess::set_silent(bool silent) {
  silent_ = silent;
  if (!process_) return;
  for (auto* connection : universe_.connections_of(process_.get())) connection->silent = silent;
}

void AgentProcess::stall() {
  if (!process_) return;
  for (auto* connection : universe_.connections_of(process_.get())) connection->stalled = true;
}

void AgentProcess::cut() {
  if (!process_) return;
  for (auto* connection : universe_.connections_of(process_.get())) universe_.cut(*connection);
}

void AgentProcess::dial(std::function<void(Result<door_actor>)> done) {
  universe_.coverage().count("dialed");
  if (silent_ || !coordinator_.up()) {
    universe_.after(kUnreachable,
                    [done = std::move(done)] { done(fail(Errc::unavailable, "nobody there")); });
    return;
  }
  universe_.connect(coordinator_.edge_process(), coordinator_.new_door(), process_, std::move(done));
}

}  // namespace cloudless::sim
