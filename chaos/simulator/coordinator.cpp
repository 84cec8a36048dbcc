#include "chaos/simulator/coordinator.hpp"

#include <chrono>
#include <utility>

#include "actors/events/events_actor.hpp"
#include "actors/node_link/edge_actor.hpp"
#include "actors/node_link/link_hub_actor.hpp"
#include "actors/node_membership/node_membership_actor.hpp"
#include "actors/rollout/rollout_actor.hpp"
#include "actors/scheduler/scheduler_actor.hpp"
#include "actors/store/sqlite_engine.hpp"
#include "actors/store/store_actor.hpp"
#include "actors/workload_state/workload_state_actor.hpp"
#include "chaos/simulator/watcher.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::sim {

/// Something that a gateway is to do.
using Errand = std::shared_ptr<const std::function<void(caf::event_based_actor*)>>;

}  // namespace cloudless::sim

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::sim::Errand)

namespace cloudless::sim {
namespace {

using namespace std::chrono_literals;

constexpr auto kClientPatience = 8s;
/// Short leases, so that a run sees nodes go and come.
constexpr MembershipPolicy kPolicy{500, 2000};

std::string title(const WorkloadCommand& command) {
  return command.context.method + " " +
         std::visit([](const auto& action) { return action.name; }, command.action);
}

}  // namespace

Coordinator::Coordinator(Stage& stage, Truth& truth, Acknowledged& acknowledged, Disk disk,
                         std::uint64_t seed)
    : stage_(stage),
      truth_(truth),
      acknowledged_(acknowledged),
      kind_(disk),
      disk_(seed),
      disk_dice_(seed + 1) {}

Coordinator::~Coordinator() {
  crash();
}

Result<std::unique_ptr<store::Engine>> Coordinator::open_engine() {
  if (kind_ == Disk::memory) return store::memory_engine(memory_);
  return store::open_sqlite_engine("store", {disk_.vfs(), true});
}

bool Coordinator::boot() {
  must_restart_ = false;
  auto alive = std::make_shared<bool>(true);
  auto engine = open_engine();
  if (!engine) return false;
  StoreOptions options;
  options.new_cluster_id = "0123456789abcdef0123456789abcdef";
  options.on_fatal = [this, alive](const Error& error) {
    if (!*alive) return;
    stage_.note("the store gives up: " + error.message);
    must_restart_ = true;
    if (error.code == Errc::internal) stage_.broken({"no defect of ours ends the store", error.message});
  };
  options.simulated_delay = [this] {
    const Millis most = slowest_;
    return store::EngineDelay{disk_dice_.between(0, most), disk_dice_.between(0, most)};
  };
  auto store =
      spawn_store(stage_.system(), truth_.observe(std::move(*engine), alive), stage_, std::move(options));
  if (!store) return false;
  for (const auto& breach : acknowledged_.check(truth_.view())) stage_.broken(breach);

  auto& system = stage_.system();
  alive_ = alive;
  source_ = *store;
  workload_state_ = spawn_workload_state(system, *store, stage_, {}, [this](const Snapshot& head) {
    if (const auto why = wrong_fragments(ledger_of(head), head))
      stage_.broken({"the owner judges by what replicas hold", *why});
  });
  node_membership_ = spawn_node_membership(system, *store, stage_, kPolicy);
  const auto edge = node_link::spawn_edge(system);
  door_ = edge.door;
  watch(caf::actor_cast<caf::actor>(*store), "store");
  watch(caf::actor_cast<caf::actor>(workload_state_), "workload_state");
  watch(caf::actor_cast<caf::actor>(node_membership_), "node_membership");
  watch(caf::actor_cast<caf::actor>(spawn_watched_scheduler()), "scheduler");
  watch(caf::actor_cast<caf::actor>(spawn_rollout(system, source_, workload_state_)), "rollout");
  watch(caf::actor_cast<caf::actor>(spawn_events(system, source_, stage_)), "events");
  watch(caf::actor_cast<caf::actor>(edge.bridge), "edge bridge");
  watch(caf::actor_cast<caf::actor>(edge.door), "door");
  watch(caf::actor_cast<caf::actor>(node_link::spawn_link_hub(system, source_, workload_state_,
                                                              node_membership_, edge.bridge, stage_)),
        "link hub");
  gateway_ = spawn_gateway();
  actors_.push_back(gateway_);
  add_follower();
  return true;
}

scheduler_actor Coordinator::spawn_watched_scheduler() {
  auto core = std::make_unique<WatchedScheduler>([this](Breach breach) { stage_.broken(std::move(breach)); });
  scheduler_ = core->window();
  return spawn_scheduler(stage_.system(), source_, workload_state_, std::move(core));
}

std::optional<std::string> Coordinator::scheduler_differs_from(const Snapshot& view) const {
  if (!scheduler_ || scheduler_->scheduler == nullptr) return "there is no scheduler";
  return scheduler_->scheduler->differs_from(view);
}

/// An actor of the ring that ends by itself ends the process.
void Coordinator::watch(const caf::actor& actor, std::string name) {
  actors_.push_back(actor);
  actor->attach_functor([this, alive = alive_, name = std::move(name)](const caf::error& reason) {
    if (!*alive) return;
    must_restart_ = true;
    stage_.broken({"no actor of the ring ends by itself", name + ": " + caf::to_string(reason)});
  });
}

void Coordinator::crash() {
  if (!alive_) return;
  *alive_ = false;
  alive_ = nullptr;
  disk_.crash();
  full_ = false;
  for (const auto& actor : actors_) caf::anon_send_exit(actor, caf::exit_reason::kill);
  actors_.clear();
  source_ = nullptr;
  workload_state_ = nullptr;
  node_membership_ = nullptr;
  door_ = nullptr;
  gateway_ = nullptr;
}

caf::actor Coordinator::spawn_gateway() {
  return stage_.system().spawn([](caf::event_based_actor* self) -> caf::behavior {
    return {[self](const Errand& errand) { (*errand)(self); }};
  });
}

void Coordinator::submit(const AnyCommand& command, std::function<void(const WorkloadCommand&)> unanswered) {
  if (!alive_) return;
  auto errand = [this, alive = alive_, command,
                 unanswered = std::move(unanswered)](caf::event_based_actor* self) {
    if (!*alive) return;
    const auto failed = [this, alive](const caf::error& error) {
      const Error why = from_caf(error);
      if (!*alive) return Errc::cancelled;
      stage_.coverage().count(std::string("answer: ") + to_string(why.code));
      stage_.note(std::string("  refused: ") + to_string(why.code) + " " + why.message);
      if (why.code == Errc::internal) stage_.broken({"no defect shows to clients", why.message});
      return why.code;
    };
    if (const auto* node = std::get_if<NodeCommand>(&command)) {
      self->request(node_membership_, kClientPatience, Carried<NodeCommand>{*node})
          .then(
              [this, alive](const Carried<NodeReply>& reply) {
                if (!*alive) return;
                stage_.coverage().count("answer: OK");
                if (reply->store_revision > truth_.view().revision())
                  stage_.broken(
                      {"a write is acknowledged when it is durable", reply->node.description.id.value});
              },
              [failed](const caf::error& error) { failed(error); });
      return;
    }
    const auto& written = std::get<WorkloadCommand>(command);
    acknowledged_.sent(written);
    self->request(workload_state_, kClientPatience, Carried<WorkloadCommand>{written})
        .then(
            [this, alive, written](const Carried<CommandReply>& reply) {
              if (!*alive) return;
              stage_.coverage().count("answer: OK");
              stage_.note("  acknowledged: " + title(written) + " at revision " +
                          std::to_string(reply->store_revision));
              for (const auto& breach : acknowledged_.heard(written, *reply, truth_.view()))
                stage_.broken(breach);
            },
            [this, failed, written, unanswered](const caf::error& error) {
              const auto code = failed(error);
              const bool unknown =
                  code == Errc::unavailable || code == Errc::deadline_exceeded || code == Errc::cancelled;
              if (unknown)
                unanswered(written);
              else
                for (const auto& breach : acknowledged_.refused(written)) stage_.broken(breach);
            });
  };
  caf::anon_send(gateway_,
                 std::make_shared<const std::function<void(caf::event_based_actor*)>>(std::move(errand)));
}

void Coordinator::add_follower() {
  if (alive_) actors_.push_back(caf::actor_cast<caf::actor>(spawn_watcher(stage_, truth_, source_, alive_)));
}

void Coordinator::fill_disk(bool full) {
  full_ = full;
  if (kind_ == Disk::sqlite)
    disk_.faults.capacity = full ? disk_.used_bytes() : SIZE_MAX;
  else
    memory_->next_commit_fails =
        full ? Error{Errc::resource_exhausted, "the disk is full", {}} : Error{Errc::none, {}, {}};
}

void Coordinator::fail_power_after(std::uint64_t operations) {
  if (kind_ == Disk::sqlite) disk_.faults.operations_left = operations;
}

}  // namespace cloudless::sim
