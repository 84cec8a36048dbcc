#include "actors/node_membership/node_membership_actor.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include "actors/node_membership/detector.hpp"
#include "actors/node_membership/link_times.hpp"
#include "actors/node_membership/node_command.hpp"
#include "actors/node_membership/registration.hpp"
#include "actors/owner/owner_link.hpp"
#include "messages/domain/store_clock.hpp"

namespace cloudless {
namespace {

namespace membership = node_membership;

/// INTERNAL: what it tells itself and hears from the store.
using Shell = node_membership_actor::extend<shim::Mpi<caf::result<void>(CommitsPublished)>::type,
                                            shim::Mpi<caf::result<void>(sweep_atom)>::type,
                                            shim::Mpi<caf::result<void>(lease_atom)>::type>;

using ReplyPromise = caf::typed_response_promise<Carried<NodeReply>>;
using FramePromise = caf::typed_response_promise<Carried<LinkFrame>>;

struct Room {
  Room(Shell::pointer actor, store_actor store, const Clock& time, MembershipPolicy how)
      : self(actor),
        clock(time),
        policy(how),
        leases(how.lease_duration, how.lease_interval),
        link(actor, "node_membership", std::move(store), time, {RecordKind::node},
             [](const std::string& method) { return method.ends_with("Node"); }) {
    link.on_loaded([this](const Snapshot& loaded) { store_clock.observe(mark_of(loaded), clock.steady()); });
  }

  /// Store time.
  Millis moment() const { return store_clock.now(clock.steady()); }

  void on_published(const CommitsPublished& batch) {
    link.published(batch);
    for (const auto& commit : *batch.commits) store_clock.observe(mark_of(commit), clock.steady());
  }

  ReplyPromise on_command(const Carried<NodeCommand>& command) {
    auto promise = self->make_response_promise<Carried<NodeReply>>();
    link.answer_command<NodeReply>(
        command->context, promise, [this, command](owner::Plan& plan) -> Result<NodeReply> {
          auto node = membership::apply(plan.now(), *command, link.head().next_stamp(), moment());
          if (!node) return fail(node.error());
          if (const auto before = plan.now().node(node->description.id); *before != *node)
            plan.put(std::make_shared<const Node>(*node));
          return NodeReply{std::move(*node), 0};
        });
    return promise;
  }

  FramePromise on_hello(const Carried<LinkFrame>& frame) {
    auto promise = self->make_response_promise<Carried<LinkFrame>>();
    if (!std::holds_alternative<Hello>(*frame))
      return promise.deliver(to_caf(Error{Errc::invalid_argument, "only a Hello is answered here", {}}));
    link.answer<LinkFrame>(
        promise,
        [this, frame](owner::Plan& plan) -> Result<LinkFrame> {
          return welcome(plan, std::get<Hello>(*frame));
        },
        [](LinkFrame&, Revision) {});
    return promise;
  }

  LinkFrame welcome(owner::Plan& plan, const Hello& hello) {
    const auto joined =
        membership::judge_hello(plan.now(), hello, link.head().next_stamp(), {clock.wall(), moment()});
    if (!joined) {
      spdlog::warn("node_membership: refused: {}", joined.error().message);
      return Refused{joined.error()};
    }
    const Node& node = joined->node;
    presume_once(clock.steady());
    leases.grant(node.description.id, node.incarnation, clock.steady());
    if (joined->changed) {
      plan.put(std::make_shared<const Node>(node));
      spdlog::info("node_membership: node {} joins, incarnation {}", node.description.id.value,
                   node.incarnation);
    }
    return Welcome{plan.now().cluster_id(), hello.boot_id, node.incarnation, policy.lease_interval,
                   policy.lease_duration};
  }

  /// The leases begin when the store has answered.
  void presume_once(Millis now) {
    if (!std::exchange(presumed, true)) membership::presume_all(leases, link.head().now(), now);
  }

  void on_tick() {
    self->delayed_send(self, std::chrono::milliseconds(policy.lease_interval), lease_atom::value);
    const Millis now = clock.steady();
    leases.advance(now);
    if (!link.ready()) return;
    presume_once(now);
    owner::Plan plan(link.head().now());
    for (const auto& node : membership::detect(plan, leases, now, link.head().next_stamp(), clock.wall()))
      spdlog::info("node_membership: node {} is {}{}{}", node.description.id.value, to_string(node.state),
                   node.reason.empty() ? "" : ": ", node.reason);
    link_times.changes(plan, now, link.head().next_stamp());
    // If this is lost, the next ticks find the same.
    if (!plan.empty()) link.commit(std::move(plan));
  }

  Shell::pointer self;
  const Clock& clock;
  MembershipPolicy policy;
  membership::Leases leases;
  membership::LinkTimes link_times;
  owner::OwnerLink<Shell::pointer> link;
  StoreClock store_clock;
  bool presumed = false;
};

/// Destroyed when the actor ends, and with it the promises that would keep the actor.
struct State {
  static inline const char* name = "node_membership";
  explicit State(Shell::pointer) {}
  std::unique_ptr<Room> room;
};

Shell::behavior_type node_membership_behavior(Shell::stateful_pointer<State> self, const store_actor& store,
                                              const Clock* clock, Millis lease_interval,
                                              Millis lease_duration) {
  self->state.room =
      std::make_unique<Room>(self, store, *clock, MembershipPolicy{lease_interval, lease_duration});
  Room* room = self->state.room.get();
  room->link.start();
  self->send(self, lease_atom::value);
  return {
      // From a gateway: judged on the head, answered when durable.
      [room](const Carried<NodeCommand>& command) -> caf::result<Carried<NodeReply>> {
        return room->on_command(command);
      },
      // From node_link: a Hello.
      [room](const Carried<LinkFrame>& frame) -> caf::result<Carried<LinkFrame>> {
        return room->on_hello(frame);
      },
      // From node_link: a lease.
      [room](lease_atom, const std::string& node, std::uint64_t incarnation,
             std::uint32_t rtt_ms) -> caf::result<void> {
        if (room->leases.renew(NodeId{node}, incarnation, room->clock.steady()))
          room->link_times.heard(NodeId{node}, rtt_ms);
        return caf::unit;
      },
      // From the store.
      [room](const CommitsPublished& batch) -> caf::result<void> {
        room->on_published(batch);
        return caf::unit;
      },
      // INTERNAL: the store could not be followed a while ago.
      [room](sweep_atom) -> caf::result<void> {
        room->link.start_again();
        return caf::unit;
      },
      // INTERNAL: the detector's tick.
      [room](lease_atom) -> caf::result<void> {
        room->on_tick();
        return caf::unit;
      },
  };
}

}  // namespace

node_membership_actor spawn_node_membership(caf::actor_system& system, store_actor store, const Clock& clock,
                                            MembershipPolicy policy) {
  return system.spawn(node_membership_behavior, std::move(store), &clock, policy.lease_interval,
                      policy.lease_duration);
}

}  // namespace cloudless
