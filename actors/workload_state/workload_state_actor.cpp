#include "actors/workload_state/workload_state_actor.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "actors/owner/owner_link.hpp"
#include "actors/workload_state/command.hpp"
#include "actors/workload_state/followers.hpp"
#include "actors/workload_state/proposal.hpp"
#include "actors/workload_state/report.hpp"
#include "actors/workload_state/withdrawals.hpp"
#include "messages/domain/store_clock.hpp"

namespace cloudless {
namespace {

/// INTERNAL: what it tells itself and hears from the store.
using Shell = workload_state_actor::extend<shim::Mpi<caf::result<void>(CommitsPublished)>::type,
                                           shim::Mpi<caf::result<void>(sweep_atom)>::type,
                                           shim::Mpi<caf::result<void>(wake_atom)>::type>;

using CommandPromise = caf::typed_response_promise<Carried<CommandReply>>;
using AnswerPromise = caf::typed_response_promise<Carried<ProposalAnswer>>;
using AckPromise = caf::typed_response_promise<Carried<ReportAck>>;

struct Room {
  Room(Shell::pointer actor, store_actor store, const Clock& time, const Scoring& scoring,
       HeadWatcher head_watcher)
      : self(actor),
        clock(time),
        usual_scoring(scoring),
        watcher(std::move(head_watcher)),
        link(actor, "workload_state", std::move(store), time,
             {RecordKind::workload, RecordKind::version, RecordKind::replica, RecordKind::rollout},
             [](const std::string& method) {
               return method.ends_with("Workload") || method.ends_with("Rollout");
             }) {
    link.on_loaded([this](const Snapshot& loaded) { on_loaded(loaded); });
  }

  CommandPromise on_command(const Carried<WorkloadCommand>& command) {
    auto promise = self->make_response_promise<Carried<CommandReply>>();
    link.answer_command<CommandReply>(
        command->context, promise, [this, command](owner::Plan& plan) -> Result<CommandReply> {
          auto workload = workload_state::apply(plan, *command, stamp(), is_followed(), usual_scoring);
          if (!workload) return fail(workload.error());
          return CommandReply{std::move(*workload), 0};
        });
    show_head();
    return promise;
  }

  AnswerPromise on_proposal(const Carried<Proposal>& proposal) {
    auto promise = self->make_response_promise<Carried<ProposalAnswer>>();
    link.answer<ProposalAnswer>(
        promise,
        [this, proposal](owner::Plan& plan) -> Result<ProposalAnswer> {
          return ProposalAnswer{0, workload_state::apply(plan, *proposal, stamp(), is_followed())};
        },
        [](ProposalAnswer& answer, Revision at) { answer.judged_at = at; });
    show_head();
    return promise;
  }

  AckPromise on_report(const Carried<NodeReport>& report) {
    auto promise = self->make_response_promise<Carried<ReportAck>>();
    link.answer<ReportAck>(
        promise, [this, report](owner::Plan& plan) { return workload_state::apply(plan, *report, moment()); },
        [](ReportAck& ack, Revision at) { ack.revision = at; });
    show_head();
    return promise;
  }

  /// Store time.
  Millis moment() const { return store_clock.now(clock.steady()); }
  workload_state::Stamp stamp() { return {link.head().next_stamp(), clock.wall(), moment()}; }
  workload_state::IsFollowed is_followed() const {
    return [this](const Workload& w) { return followers.any(w.ns, w.name, clock.steady()); };
  }

  void on_loaded(const Snapshot& loaded) {
    store_clock.observe(mark_of(loaded), clock.steady());
    withdrawals.load(loaded);
    if (!std::exchange(presumed, true)) followers.presume(loaded, clock.steady());
    stop_withdrawn();
  }

  void on_published(const CommitsPublished& batch) {
    link.published(batch);
    // Nodes keep time, too.
    for (const auto& commit : *batch.commits) store_clock.observe(mark_of(commit), clock.steady());
    withdrawals.apply(*batch.commits);
    stop_withdrawn();
    show_head();
  }

  void on_following(const EndpointFollowing& following) {
    followers.take(following, clock.steady());
    stop_withdrawn();
  }

  /// The second half of stopping what served.
  void stop_withdrawn() {
    if (withdrawals.empty()) return;
    followers.expire(clock.steady());
    if (link.ready()) {
      owner::Plan plan(link.head().now());
      withdrawals.stop_due(plan, followers, clock.steady(), moment());
      // If this is lost, the next look finds the same.
      if (!plan.empty()) link.commit(std::move(plan));
    }
    if (const auto wait = withdrawals.next_look(link.head().now(), followers, clock.steady(), moment()))
      wake_after(*wait);
  }

  /// At least one wake-up is under way that comes in time.
  void wake_after(Millis delay) {
    const Millis at = clock.steady() + delay;
    if (wake_at && *wake_at <= at) return;
    wake_at = at;
    self->delayed_send(self, std::chrono::milliseconds(delay), wake_atom_v);
  }
  void on_wake() {
    if (wake_at && *wake_at > clock.steady()) return;  // it came for an earlier one
    wake_at.reset();
    stop_withdrawn();
  }

  void show_head() {
    if (watcher && link.ready()) watcher(link.head().now());
  }

  Shell::pointer self;
  const Clock& clock;
  const Scoring usual_scoring;
  const HeadWatcher watcher;
  owner::OwnerLink<Shell::pointer> link;
  StoreClock store_clock;
  workload_state::Followers followers;
  workload_state::Withdrawals withdrawals;
  bool presumed = false;
  std::optional<Millis> wake_at;  ///< steady
};

/// Destroyed when the actor ends, and with it the promises that would keep the actor.
struct State {
  static inline const char* name = "workload_state";
  explicit State(Shell::pointer) {}
  std::unique_ptr<Room> room;
};

Shell::behavior_type workload_state_behavior(Shell::stateful_pointer<State> self, const store_actor& store,
                                             const Clock* clock, const Scoring& usual,
                                             const HeadWatcher& watcher) {
  self->state.room = std::make_unique<Room>(self, store, *clock, usual, watcher);
  Room* room = self->state.room.get();
  room->link.start();
  return {
      // From a gateway: judged on the head, answered when durable.
      [room](const Carried<WorkloadCommand>& command) -> caf::result<Carried<CommandReply>> {
        return room->on_command(command);
      },
      // From scheduler and rollout.
      [room](const Carried<Proposal>& proposal) -> caf::result<Carried<ProposalAnswer>> {
        return room->on_proposal(proposal);
      },
      // From node_link.
      [room](const Carried<NodeReport>& report) -> caf::result<Carried<ReportAck>> {
        return room->on_report(report);
      },
      // From a gateway: somebody follows what serves, and has seen so much.
      [room](const Carried<EndpointFollowing>& following) -> caf::result<void> {
        room->on_following(*following);
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
      // INTERNAL: something that was withdrawn may be due.
      [room](wake_atom) -> caf::result<void> {
        room->on_wake();
        return caf::unit;
      },
  };
}

}  // namespace

workload_state_actor spawn_workload_state(caf::actor_system& system, store_actor store, const Clock& clock,
                                          const Scoring& usual, HeadWatcher watcher) {
  return system.spawn(workload_state_behavior, std::move(store), &clock, usual, std::move(watcher));
}

}  // namespace cloudless
