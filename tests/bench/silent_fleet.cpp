#include "tests/bench/silent_fleet.hpp"

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cloudless::bench {
namespace {

/// Leases go out in so many portions per interval.
constexpr std::size_t kPortions = 50;
/// Nodes that wait for their welcome at a time.
constexpr std::size_t kJoining = 512;
/// Portions after which a node that got no welcome asks again.
constexpr std::size_t kAskAgainAfter = 200;

using Shell = edge_bridge_actor::extend<shim::Mpi<caf::result<void>(sweep_atom)>::type>;

/// Small: it is part of the process whose memory is measured.
struct Member {
  NodeId id;
  std::uint64_t incarnation = 0;  ///< 0: not welcomed
  std::uint64_t sequence = 0;
  Revision on_disk = 0;
  std::size_t asked_at = 0;  ///< 0: never
};

class Fleet {
 public:
  explicit Fleet(Shell::pointer self) : self_(self) {}

  void start(const FleetOptions& options, FleetFigures* figures) {
    figures_ = figures;
    describe_ = options.describe;
    pause_ = std::chrono::milliseconds(
        std::max<Millis>(1, options.lease_interval / static_cast<Millis>(kPortions)));
    members_.resize(options.nodes);
    for (std::size_t i = 0; i < members_.size(); ++i) {
      members_[i].id = describe_(i).id;
      by_id_.emplace(members_[i].id, i);
    }
  }

  void attach(const link_hub_actor& hub) {
    hub_ = hub;
    tick();
  }

  void take(const EdgeFrame& frame) {
    const auto found = by_id_.find(frame.node);
    if (found == by_id_.end() || !frame.frame) return;
    Member& member = members_[found->second];
    if (const auto* welcome = std::get_if<Welcome>(&*frame.frame)) {
      if (member.incarnation == 0) ++figures_->welcomed;
      member.incarnation = welcome->incarnation;
    }
    if (const auto* part = std::get_if<SetPart>(&*frame.frame)) {
      figures_->set_bytes += part->bytes.size();
      if (part->index + 1 == part->count) member.on_disk = part->revision;
    }
  }

  void tick() {
    ++ticks_;
    join();
    for (std::size_t i = ticks_ % kPortions; i < members_.size(); i += kPortions) lease(members_[i]);
    self_->delayed_send(self_, pause_, sweep_atom_v);
  }

 private:
  void join() {
    if (figures_->welcomed == members_.size()) return;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      Member& member = members_[i];
      const bool waits = member.asked_at != 0 && ticks_ - member.asked_at < kAskAgainAfter;
      if (member.incarnation != 0 || waits) continue;
      if (member.asked_at == 0) {  // who has asked may ask again: all of them may have come too early
        if (asked_ - figures_->welcomed >= kJoining) return;
        ++asked_;
      }
      member.asked_at = ticks_;
      send(member, Hello{describe_(i), 1, {}, 0});
    }
  }

  void lease(Member& member) {
    if (member.incarnation == 0) return;
    ++figures_->leases;
    send(member, Lease{member.incarnation, ++member.sequence, member.on_disk});
  }

  void send(const Member& member, LinkFrame frame) {
    // The hub is in another actor system: only anon_send crosses.
    caf::anon_send(hub_, std::make_shared<const EdgeFrame>(EdgeFrame{member.id, 1, std::move(frame)}));
  }

  Shell::pointer self_;
  FleetFigures* figures_ = nullptr;
  std::function<NodeDescription(std::size_t)> describe_;
  std::chrono::milliseconds pause_{};
  std::vector<Member> members_;
  std::unordered_map<NodeId, std::size_t> by_id_;
  link_hub_actor hub_;
  std::size_t ticks_ = 0, asked_ = 0;
};

Shell::behavior_type run_fleet(Shell::stateful_pointer<Fleet> self, const FleetOptions& options,
                               FleetFigures* figures) {
  self->state.start(options, figures);
  return {
      [self](const EdgeFramePtr& frame) { self->state.take(*frame); },
      [self](attach_atom, const link_hub_actor& hub) { self->state.attach(hub); },
      // INTERNAL: the next portion of leases.
      [self](sweep_atom) { self->state.tick(); },
  };
}

}  // namespace

edge_bridge_actor spawn_silent_fleet(caf::actor_system& system, FleetOptions options, FleetFigures& figures) {
  return system.spawn(run_fleet, std::move(options), &figures);
}

}  // namespace cloudless::bench
