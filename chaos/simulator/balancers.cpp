#include "chaos/simulator/balancers.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "messages/store.hpp"

namespace cloudless::sim {
namespace {

using namespace std::chrono_literals;

constexpr Millis kLease = 1500;
constexpr auto kSayEvery = 500ms;
/// As the owner does (actors/workload_state/followers.hpp), less what booting takes.
constexpr Millis kPresumedAfterBoot = 4500;
/// From a decision to its commit, with a slow disk and others before it.
constexpr Millis kCommitTakes = 4000;
constexpr Millis kMostPatience = 30'000;

/// INTERNAL: sweep_atom, say that it is there; wake_atom, take over what was seen.
using balancer_actor =
    ActorOf<caf::result<void>(CommitsPublished), caf::result<void>(sweep_atom), caf::result<void>(wake_atom)>;

struct BalancerState {
  explicit BalancerState(balancer_actor::pointer self) : self_(self) {}

  void init(Stage* stage, std::shared_ptr<Balancer> me, std::string connection, source_actor source,
            workload_state_actor owner, std::shared_ptr<const bool> alive) {
    stage_ = stage;
    me_ = std::move(me);
    connection_ = std::move(connection);
    owner_ = std::move(owner);
    alive_ = std::move(alive);
    self_->request(source, 30s, follow_atom::value, follower_actor{balancer_actor{self_}})
        .then([this](const CommitsPublished& present) { see(present); }, [](const caf::error&) {});
    heart_beats();
  }

  /// Something new came: it is taken over a little later.
  void see(const CommitsPublished& batch) {
    if (!*alive_) return;
    present_ = batch.after;
    if (me_->stuck || std::exchange(under_way_, true)) return;
    self_->delayed_send(self_, std::chrono::milliseconds(stage_->dice().between(0, me_->patience)),
                        wake_atom_v);
  }

  void take_over() {
    under_way_ = false;
    if (!*alive_) return;
    me_->seen = present_;
    say();
  }

  void heart_beats() {
    self_->delayed_send(self_, kSayEvery, sweep_atom::value);
    if (!*alive_) return;
    if (present_ && !me_->stuck && !under_way_ && me_->seen != present_) return take_over();
    if (me_->seen) say();
  }

  /// As far as it has come.
  void say() {
    const Millis sent = stage_->steady();
    self_
        ->request(owner_, 5s,
                  Carried<EndpointFollowing>(EndpointFollowing{connection_, "default", me_->workload,
                                                               me_->seen->revision(), kLease}))
        .then(
            [this, sent] {
              if (!*alive_) return;
              if (!me_->knows_owner || stage_->steady() > me_->known_until)
                me_->known_since = stage_->steady();
              me_->knows_owner = true;
              me_->known_until = std::max(me_->known_until, sent + kLease);
            },
            [](const caf::error&) {});
  }

  balancer_actor::behavior_type behavior() {
    return {
        [this](const CommitsPublished& batch) { see(batch); },
        [this](sweep_atom) { heart_beats(); },
        [this](wake_atom) { take_over(); },
    };
  }

  balancer_actor::pointer self_;
  Stage* stage_ = nullptr;
  std::shared_ptr<Balancer> me_;
  std::string connection_;
  workload_state_actor owner_;
  std::shared_ptr<const bool> alive_;
  SnapshotPtr present_;
  bool under_way_ = false;
};

}  // namespace

Balancers::Balancers(Stage& stage, std::uint64_t seed, std::size_t count) : stage_(stage), dice_(seed) {
  for (std::size_t i = 0; i < count; ++i) {
    all_.push_back(std::make_shared<Balancer>());
    all_.back()->workload = "w" + std::to_string(i);
  }
}

void Balancers::connect(Coordinator& coordinator) {
  const Millis now = stage_.steady();
  for (const auto& balancer : all_) {
    // The owner of before may have forgotten it when it ended.
    balancer->knows_owner = balancer->knows_owner && balancer->seen != nullptr;
    if (balancer->knows_owner)
      balancer->known_until = std::max(balancer->known_until, now + kPresumedAfterBoot);
    constexpr Millis kPatience[]{0, 50, 500, 3000};
    balancer->patience = kPatience[dice_.below(4)];
    balancer->stuck = dice_.once_in(6);
    // A balancer that is new here begins with what it sees first.
    if (!balancer->seen) balancer->stuck = false;
    coordinator.add_client([&](const source_actor& source, const workload_state_actor& owner,
                               const std::shared_ptr<const bool>& alive) {
      return caf::actor_cast<caf::actor>(stage_.system().spawn(
          [this, balancer, connection = "balancer-" + std::to_string(++connections_), source, owner,
           alive](balancer_actor::stateful_pointer<BalancerState> self) -> balancer_actor::behavior_type {
            self->state.init(&stage_, balancer, connection, source, owner, alive);
            return self->state.behavior();
          }));
    });
  }
}

void Balancers::make_peace() {
  for (const auto& balancer : all_) {
    balancer->patience = 0;
    balancer->stuck = false;
  }
}

/// It would send requests there now, and the owner has known of it for long enough.
bool Balancers::may_ask(const Balancer& balancer, const Snapshot& view, const Replica& replica) const {
  const auto workload = view.workload(replica.workload);
  if (!workload || workload->name != balancer.workload || !balancer.seen || !balancer.knows_owner)
    return false;
  if (balancer.known_until <= stage_.steady() || balancer.known_since > stage_.steady() - kCommitTakes)
    return false;
  const auto believed = balancer.seen->replica(replica.id);
  return believed && believed->phase == Phase::running && believed->ready && believed->serving &&
         !believed->is_leaving();
}

Breaches Balancers::check(const Snapshot& before, const Commit& commit) {
  Breaches breaches;
  for (const auto& change : commit.changes) {
    if (change.key.kind != RecordKind::replica || !change.record) continue;
    const auto& now = *std::get<std::shared_ptr<const Replica>>(*change.record);
    const auto old = before.replica(now.id);
    if (!old || old->phase != Phase::running || old->stop_requested()) continue;
    if (now.withdrawn != StopCause::none && old->withdrawn == StopCause::none)
      withdrawn_[now.id] = stage_.steady();
    if (!now.stop_requested() || now.stop == StopCause::node_lost || !before.node(old->node)) continue;
    const auto version = before.version(now.workload, now.version);
    const Millis grace = version ? std::min(version->pod.termination_grace, kMostPatience) : 0;
    const auto since = withdrawn_.find(now.id);
    const bool had_time =
        since != withdrawn_.end() && stage_.steady() - since->second + kCommitTakes >= grace;
    for (const auto& balancer : all_) {
      if (!may_ask(*balancer, before, *old)) continue;
      stage_.coverage().count("stopped before a balancer knew");
      if (old->withdrawn == StopCause::none)
        breaches.push_back({"what serves is withdrawn before it stops", now.id.value});
      else if (!had_time)
        breaches.push_back({"a stop waits for those who send requests", now.id.value});
    }
  }
  return breaches;
}

}  // namespace cloudless::sim
