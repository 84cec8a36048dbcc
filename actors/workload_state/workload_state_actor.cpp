#include "actors/workload_state/workload_state_actor.hpp"

#include <memory>
#include <utility>

#include "actors/owner/owner_link.hpp"
#include "actors/workload_state/command.hpp"
#include "actors/workload_state/proposal.hpp"
#include "actors/workload_state/report.hpp"

namespace cloudless {
namespace {

/// INTERNAL: what it tells itself and hears from the store.
using Shell = workload_state_actor::extend<shim::Mpi<caf::result<void>(CommitsPublished)>::type,
                                           shim::Mpi<caf::result<void>(sweep_atom)>::type>;

using CommandPromise = caf::typed_response_promise<Carried<CommandReply>>;
using AnswerPromise = caf::typed_response_promise<Carried<ProposalAnswer>>;
using AckPromise = caf::typed_response_promise<Carried<ReportAck>>;

struct Room {
  Room(Shell::pointer actor, store_actor store, const Clock& time)
      : self(actor),
        clock(time),
        link(actor, "workload_state", std::move(store), time,
             {RecordKind::workload, RecordKind::version, RecordKind::replica, RecordKind::rollout},
             [](const std::string& method) {
               return method.ends_with("Workload") || method.ends_with("Rollout");
             }) {}

  CommandPromise on_command(const Carried<WorkloadCommand>& command) {
    auto promise = self->make_response_promise<Carried<CommandReply>>();
    link.answer_command<CommandReply>(
        command->context, promise, [this, command](owner::Plan& plan) -> Result<CommandReply> {
          auto workload = workload_state::apply(plan, *command, {link.head().next_stamp(), clock.wall()});
          if (!workload) return fail(workload.error());
          return CommandReply{std::move(*workload), 0};
        });
    return promise;
  }

  AnswerPromise on_proposal(const Carried<Proposal>& proposal) {
    auto promise = self->make_response_promise<Carried<ProposalAnswer>>();
    link.answer<ProposalAnswer>(
        promise,
        [this, proposal](owner::Plan& plan) -> Result<ProposalAnswer> {
          return ProposalAnswer{0, workload_state::apply(plan, *proposal, clock.wall())};
        },
        [](ProposalAnswer& answer, Revision at) { answer.judged_at = at; });
    return promise;
  }

  AckPromise on_report(const Carried<NodeReport>& report) {
    auto promise = self->make_response_promise<Carried<ReportAck>>();
    link.answer<ReportAck>(
        promise, [report](owner::Plan& plan) { return workload_state::apply(plan, *report); },
        [](ReportAck& ack, Revision at) { ack.revision = at; });
    return promise;
  }

  Shell::pointer self;
  const Clock& clock;
  owner::OwnerLink<Shell::pointer> link;
};

/// Destroyed when the actor ends, and with it the promises that would keep the actor.
struct State {
  static inline const char* name = "workload_state";
  explicit State(Shell::pointer) {}
  std::unique_ptr<Room> room;
};

Shell::behavior_type workload_state_behavior(Shell::stateful_pointer<State> self, const store_actor& store,
                                             const Clock* clock) {
  self->state.room = std::make_unique<Room>(self, store, *clock);
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
      // From a gateway.
      [](const Carried<EndpointFollowing>&) -> caf::result<void> { return caf::unit; },
      // From the store.
      [room](const CommitsPublished& batch) -> caf::result<void> {
        room->link.published(batch);
        return caf::unit;
      },
      // INTERNAL: the store could not be followed a while ago.
      [room](sweep_atom) -> caf::result<void> {
        room->link.start_again();
        return caf::unit;
      },
  };
}

}  // namespace

workload_state_actor spawn_workload_state(caf::actor_system& system, store_actor store, const Clock& clock) {
  return system.spawn(workload_state_behavior, std::move(store), &clock);
}

}  // namespace cloudless
