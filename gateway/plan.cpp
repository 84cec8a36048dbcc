// What would happen, and moving replicas to better places: worked out from the mirror by the scheduler's own
// rules.
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "actors/workload_state/command.hpp"
#include "gateway/plan_answer.hpp"
#include "gateway/unary.hpp"

namespace cloudless::gateway {
namespace {

/// Marks of several workloads on their way to the owner; the last answer ends the call.
struct Moving {
  std::mutex mutex;
  std::size_t open = 0;
  Error first_error;
};

}  // namespace

grpc::ServerUnaryReactor* Service::Plan(Context* context, const api::PlanRequest* request,
                                        api::PlanReply* reply) {
  return work_out(context, Method::plan, [this, request, reply](const Snapshot& snapshot) -> Result<void> {
    if (auto small = small_enough(*request); !small) return small;
    const Millis now = now_of(parts_).store;
    switch (request->event_case()) {
      case api::PlanRequest::kApply: {
        auto targets = codec::parse_targets(*request);
        if (!targets) return fail(targets.error());
        for (auto& target : *targets)
          target.spec.scoring = workload_state::completed(target.spec.scoring, parts_.usual_scoring);
        return plan_targets(snapshot, *targets, now, *reply);
      }
      case api::PlanRequest::kDrain:
        return plan_drain(snapshot, NodeId{request->drain().node_id()}, now, *reply);
      case api::PlanRequest::kLose:
        return plan_loss(snapshot, request->lose(), now, *reply);
      case api::PlanRequest::EVENT_NOT_SET:
        break;
    }
    return fail(Errc::invalid_argument, "the request says nothing: set apply, drain or lose");
  });
}

grpc::ServerUnaryReactor* Service::Rebalance(Context* context, const api::RebalanceRequest* request,
                                             api::RebalanceReply* reply) {
  const auto end = begin(context, Method::rebalance);
  const auto question = codec::parse_rebalance(*request);
  if (!question) {
    end(fail(question.error()));
    return end.reactor;
  }
  work_out(context, end, [this, end, context, request, reply, options = *question](const Snapshot& snapshot) {
    const auto plan = scheduler::plan_rebalance(snapshot, {options.ns, options.budget, options.min_gain},
                                                now_of(parts_).store);
    write_moves(snapshot, plan, *reply);
    if (request->dry_run() || plan.moves.empty()) return end({});
    move(context, end, *reply);
  });
  return end.reactor;
}

void Service::move(Context* context, const Ending& end, api::RebalanceReply& reply) {
  std::map<QualifiedName, std::vector<ReplicaId>> by_workload;
  for (const auto& move : reply.moves())
    by_workload[{move.namespace_(), move.workload()}].push_back(ReplicaId{move.replica_id()});
  const auto moving = std::make_shared<Moving>();
  moving->open = by_workload.size();
  for (auto& [name, replicas] : by_workload) {
    const auto count = static_cast<std::uint32_t>(replicas.size());
    WorkloadCommand command;
    command.context = {principal_of(*context), "Rebalance", name.ns, {}, {}};
    command.action = MoveReplicas{name.ns, name.name, std::move(replicas)};
    ask(context, Carried(std::move(command)), [end, moving, count, &reply](const Result<Answer>& answer) {
      std::unique_lock lock(moving->mutex);
      if (answer)
        reply.set_started(reply.started() + count);
      else if (moving->first_error.code == Errc::none)
        moving->first_error = answer.error();
      if (--moving->open > 0) return;
      const Error error = moving->first_error;
      const bool some = reply.started() > 0;
      lock.unlock();
      // What was begun goes on: the answer then says how many.
      end(error.code == Errc::none || some ? Result<void>{} : fail(error));
    });
  }
}

}  // namespace cloudless::gateway
