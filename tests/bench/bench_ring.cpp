#include "tests/bench/bench_ring.hpp"

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "actors/events/events_actor.hpp"
#include "actors/node_link/link_hub_actor.hpp"
#include "actors/node_membership/node_membership_actor.hpp"
#include "actors/rollout/rollout_actor.hpp"
#include "actors/scheduler/scheduler_actor.hpp"
#include "actors/secrets/secret_command.hpp"
#include "actors/secrets/secrets_actor.hpp"
#include "actors/store/sqlite_engine.hpp"
#include "actors/store/store_actor.hpp"
#include "actors/workload_state/workload_state_actor.hpp"
#include "gateway/mirror_feed.hpp"
#include "messages/caf_error.hpp"
#include "services/coordinator/measured_engine.hpp"
#include "services/coordinator/owners_ready.hpp"

namespace cloudless::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kLongestWait{120};
constexpr MembershipPolicy kLeases{500, 10'000};
constexpr gateway::History::Limits kWatch{3'600'000, 1'000'000};

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "placement_path_bench: %s\n", what.c_str());
  std::exit(1);
}

template <class T>
T must(Result<T> value) {
  if (!value) give_up(value.error().message);
  return std::move(*value);
}

follower_actor::behavior_type note_placements(follower_actor::pointer self, const source_actor& source,
                                              Placements* placements) {
  self->request(source, 5s, follow_atom_v, follower_actor{self}).then([](const CommitsPublished&) {});
  return {[placements](const CommitsPublished& batch) { placements->take(batch); }};
}

}  // namespace

void Placements::take(const CommitsPublished& batch) {
  const auto now = SteadyClock::now();
  const std::lock_guard lock(mutex_);
  for (const auto& commit : *batch.commits)
    for (const auto& change : commit.changes) {
      const auto* replica =
          change.record ? std::get_if<std::shared_ptr<const Replica>>(&*change.record) : nullptr;
      if (replica == nullptr || (*replica)->phase != Phase::assigned) continue;
      Seen& seen = seen_[(*replica)->workload];
      if (seen.assigned++ == 0) seen.first = now;
      seen.last = now;
    }
  changed_.notify_all();
}

Placements::Seen Placements::await(const WorkloadUid& uid, std::size_t replicas) {
  std::unique_lock lock(mutex_);
  const bool done = changed_.wait_for(lock, kLongestWait, [&] { return seen_[uid].assigned >= replicas; });
  if (!done)
    give_up("only " + std::to_string(seen_[uid].assigned) + " of " + std::to_string(replicas) +
            " replicas got a node");
  return seen_[uid];
}

BenchRing::System::System(std::size_t threads) {
  register_messages(config);
  gateway::register_gateway(config);
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", threads);
  system = std::make_unique<caf::actor_system>(config);
}

// The same actors with the same number of threads as in services/coordinator.
BenchRing::BenchRing(const std::string& directory, FleetOptions fleet)
    : method_metrics_(metrics_.registry()), control_(2), edge_(1) {
  auto& system = *control_.system;
  StoreOptions options;
  options.new_cluster_id = std::string(32, 'b');
  options.on_fatal = [](const Error& error) { give_up(error.message); };
  auto engine = coordinator::measured_engine(must(store::open_sqlite_engine(directory + "/store.db")),
                                             metrics_.registry());
  const auto store = keep(must(spawn_store(system, std::move(engine), clock_, std::move(options))));
  const auto workloads = keep(spawn_workload_state(system, store, clock_));
  const auto nodes = keep(spawn_node_membership(system, store, clock_, kLeases));
  const std::string key(32, 'k');
  const auto secrets =
      keep(spawn_secrets(system, store, clock_, {key, [](std::size_t n) { return std::string(n, 'r'); }}));
  const auto events = keep(spawn_events(system, store, clock_));
  keep(spawn_rollout(system, store, workloads));
  keep(spawn_scheduler(system, store, workloads));
  if (auto ready = coordinator::await_owners(system, workloads, nodes, secrets, 60'000); !ready)
    give_up(ready.error().message);
  const auto bridge = keep(spawn_silent_fleet(*edge_.system, std::move(fleet), figures_));
  const auto hub = keep(node_link::spawn_link_hub(
      system, store, workloads, nodes, bridge, clock_,
      [key](const Secret& secret) { return secrets::open(secret, key); }, events));
  mirror_ = std::make_shared<gateway::Mirror>(kWatch);
  keep(gateway::spawn_mirror_feed(system, store, mirror_, clock_));
  keep(system.spawn(note_placements, source_actor{store}, &placements_));
  grpc_ = must(gateway::Server::start(
      {system, mirror_,
       std::make_shared<const gateway::OwnersInUse>(gateway::Owners{workloads, nodes, events, hub, secrets}),
       clock_, method_metrics_},
      {"127.0.0.1:0", {}, {}, {}}));
}

BenchRing::~BenchRing() {
  mirror_->close();
  grpc_.reset();
  for (auto it = ring_.rbegin(); it != ring_.rend(); ++it)
    caf::anon_send_exit(*it, caf::exit_reason::user_shutdown);
  ring_.clear();
}

std::string BenchRing::server() const {
  return "127.0.0.1:" + std::to_string(grpc_->port());
}

void BenchRing::await_fleet(std::size_t nodes) const {
  const auto end = SteadyClock::now() + kLongestWait;
  while (figures_.welcomed < nodes) {
    if (SteadyClock::now() > end)
      give_up("only " + std::to_string(figures_.welcomed) + " nodes are registered");
    std::this_thread::sleep_for(5ms);
  }
}

}  // namespace cloudless::bench
