#include "actors/workload_state/rollout_items.hpp"

#include <memory>
#include <string>
#include <utility>

#include "actors/workload_state/begin_rollout.hpp"
#include "actors/workload_state/reason.hpp"

namespace cloudless::workload_state {
namespace {

/// A workload and its newest rollout, which an item is about.
struct Subject {
  std::shared_ptr<const Workload> workload;
  std::shared_ptr<const Rollout> rollout;
};

Error answer(Errc code, std::string why) {
  return {code, std::move(why), {}};
}
Error agreed() {
  return {Errc::none, {}, {}};
}

std::string title_of(const WorkloadUid& workload, std::uint64_t rollout) {
  return "rollout " + std::to_string(rollout) + " of workload " + workload.value;
}

/// ABORTED unless it is the newest one of a workload that is there.
Result<Subject> newest(const Snapshot& now, const WorkloadUid& uid, std::uint64_t number) {
  Subject out{now.workload(uid), nullptr};
  if (!out.workload || out.workload->deleted)
    return fail(Errc::not_found, "workload " + uid.value + " does not exist");
  out.rollout = newest_rollout(now, *out.workload);
  if (number == 0 || out.workload->rollout != number || !out.rollout)
    return fail(Errc::aborted, title_of(uid, number) + " is not the newest one, which is " +
                                   std::to_string(out.workload->rollout));
  return out;
}

/// ABORTED unless it goes on, too.
Result<Subject> active(const Snapshot& now, const WorkloadUid& uid, std::uint64_t number) {
  auto subject = newest(now, uid, number);
  if (subject && !subject->rollout->is_active())
    return fail(Errc::aborted, title_of(uid, number) + " is " + to_string(subject->rollout->state));
  return subject;
}

/// Of the current version and as it should be: available, or a job that is done.
bool is_done(const Snapshot& now, const Workload& workload, const Replica& replica, Millis moment) {
  if (replica.version != workload.version) return false;
  if (replica.phase == Phase::succeeded)
    return workload.spec.pod.restart.mode != RestartMode::always && !replica.is_leaving();
  return is_available(workload, replica, now.node(replica.node).get(), moment);
}

/// Of another version, and requests may still go to it.
bool is_older_and_serves(const Snapshot& now, const Workload& workload, const Replica& replica) {
  const auto node = now.node(replica.node);
  return replica.version != workload.version && replica.phase == Phase::running && replica.ready &&
         replica.serving && !replica.is_leaving() && node && node->state != NodeState::offline &&
         (workload.serving_version == 0 || workload.serving_version == replica.version);
}

Error complete(owner::Plan& plan, const Subject& subject, const Stamp& stamp) {
  const Workload& workload = *subject.workload;
  const Snapshot& now = plan.now();
  std::uint32_t done = 0;
  if (workload.serving_version != 0 && workload.serving_version != workload.version)
    return answer(Errc::failed_precondition, title_of(workload.uid, subject.rollout->number) +
                                                 " is not complete: version " +
                                                 std::to_string(workload.serving_version) + " still serves");
  for (const auto& replica : now.replicas_of(workload.uid)) {
    if (is_older_and_serves(now, workload, *replica))
      return answer(Errc::failed_precondition, title_of(workload.uid, subject.rollout->number) +
                                                   " is not complete: replica " + replica->id.value +
                                                   " of version " + std::to_string(replica->version) +
                                                   " still serves");
    done += is_done(now, workload, *replica, stamp.moment) ? 1 : 0;
  }
  if (done < workload.spec.replicas)
    return answer(Errc::failed_precondition,
                  title_of(workload.uid, subject.rollout->number) + " is not complete: " +
                      std::to_string(done) + " of " + std::to_string(workload.spec.replicas) +
                      " replicas are of version " + std::to_string(workload.version) + " and available");
  Rollout ended = *subject.rollout;
  ended.state = RolloutState::completed;
  ended.reason.clear();
  ended.ended_at = stamp.wall;
  put_rollout(plan, std::move(ended), stamp);
  if (const auto version = now.version(workload.uid, workload.version); version && !version->proven) {
    Version proven = *version;
    proven.proven = true;
    plan.put(std::make_shared<const Version>(std::move(proven)));
  }
  return agreed();
}

/// Why the way back is not open; absent: it is.
std::optional<Error> closed_way_back(const Snapshot& now, const Subject& subject, std::uint64_t to) {
  const std::string title = title_of(subject.workload->uid, subject.rollout->number);
  const RolloutCause cause = subject.rollout->cause;
  if (!subject.workload->spec.rollout.auto_rollback)
    return answer(Errc::failed_precondition, title + " does not go back by itself");
  if (cause == RolloutCause::failed || cause == RolloutCause::aborted)
    return answer(Errc::failed_precondition, title + " goes back already, and does not go back further");
  const auto version = now.version(subject.workload->uid, to);
  if (!version || !version->proven || to == subject.workload->version)
    return answer(Errc::failed_precondition, title + " cannot go back to version " + std::to_string(to) +
                                                 ", which is the current one or was never fully ready");
  return std::nullopt;
}

Error give_up(owner::Plan& plan, const Subject& subject, const EndRollout& item, const Stamp& stamp) {
  if (subject.rollout->paused)
    return answer(Errc::failed_precondition,
                  title_of(item.workload, item.rollout) + " is paused, so no deadline counts");
  if (item.back_to != 0)
    if (auto closed = closed_way_back(plan.now(), subject, item.back_to)) return *closed;
  Rollout ended = *subject.rollout;
  ended.state = RolloutState::failed;
  ended.reason = shortened(item.reason);
  ended.ended_at = stamp.wall;
  put_rollout(plan, std::move(ended), stamp);
  if (item.back_to == 0) return agreed();
  Workload workload = *subject.workload;
  go_back(plan, workload, *plan.now().version(item.workload, item.back_to), RolloutCause::failed, {}, stamp);
  workload.revision = stamp.number;
  workload.updated_at = stamp.wall;
  plan.put(std::make_shared<const Workload>(std::move(workload)));
  return agreed();
}

}  // namespace

Error judge(owner::Plan& plan, const SwitchServing& item, Budget& budget, const Stamp& stamp) {
  const auto subject = newest(plan.now(), item.workload, item.rollout);
  if (!subject) return subject.error();
  Workload workload = *subject->workload;
  if (workload.serving_version == item.version) return agreed();
  const bool blue_green = workload.spec.rollout.strategy == RolloutStrategy::blue_green;
  if (item.version != 0 && (!blue_green || item.version != workload.version))
    return answer(Errc::failed_precondition,
                  title_of(item.workload, item.rollout) + " does not switch to version " +
                      std::to_string(item.version) + ": it is not the current one of a BLUE_GREEN workload");
  if (item.version == 0 && blue_green)
    return answer(Errc::failed_precondition,
                  "workload " + item.workload.value + " is BLUE_GREEN: one version serves at a time");
  // That every version serves takes nothing away.
  if (item.version != 0 && subject->rollout->paused)
    return answer(Errc::failed_precondition, title_of(item.workload, item.rollout) + " is paused");
  auto relied_on = budget.permit_switch(plan.now(), workload, item.version);
  if (!relied_on) return relied_on.error();
  for (auto& precondition : *relied_on) plan.require(std::move(precondition));
  workload.serving_version = item.version;
  plan.put(std::make_shared<const Workload>(std::move(workload)));
  if (item.version != 0) {
    Rollout switched = *subject->rollout;
    switched.switched_at = switched.progress_from = stamp.moment;
    put_rollout(plan, std::move(switched), stamp);
  }
  return agreed();
}

Error judge(owner::Plan& plan, const PromoteRollout& item, const Stamp& stamp) {
  const auto subject = active(plan.now(), item.workload, item.rollout);
  if (!subject) return subject.error();
  if (!has_canary(*subject->workload, *subject->rollout))
    return answer(Errc::failed_precondition, title_of(item.workload, item.rollout) + " has no canary");
  if (subject->rollout->paused)
    return answer(Errc::failed_precondition, title_of(item.workload, item.rollout) + " is paused");
  if (subject->rollout->promoted) return agreed();
  Rollout promoted = *subject->rollout;
  promoted.promoted = true;
  promoted.progress_from = stamp.moment;
  put_rollout(plan, std::move(promoted), stamp);
  return agreed();
}

Error judge(owner::Plan& plan, const EndRollout& item, Budget& budget, const Stamp& stamp) {
  const auto subject = newest(plan.now(), item.workload, item.rollout);
  if (!subject) return subject.error();
  if (subject->workload->revision != item.workload_revision)
    return answer(Errc::aborted, "workload " + item.workload.value + " is at revision " +
                                     std::to_string(subject->workload->revision) + ", not " +
                                     std::to_string(item.workload_revision));
  if (subject->rollout->state == item.state) return agreed();
  const bool late = subject->rollout->state == RolloutState::failed && item.state == RolloutState::completed;
  if (!subject->rollout->is_active() && !late)
    return answer(Errc::aborted,
                  title_of(item.workload, item.rollout) + " is " + to_string(subject->rollout->state));
  if (item.state == RolloutState::completed) return complete(plan, *subject, stamp);
  if (item.state != RolloutState::failed)
    return answer(Errc::invalid_argument, "a rollout is ended as COMPLETED or FAILED");
  budget.forget(item.workload);
  return give_up(plan, *subject, item, stamp);
}

Error judge(owner::Plan& plan, const MarkTime& item, const Stamp& stamp) {
  const auto subject = newest(plan.now(), item.workload, item.rollout);
  if (!subject) return subject.error();
  put_rollout(plan, *subject->rollout, stamp);
  return agreed();
}

Error judge(owner::Plan& plan, const ForgetRollout& item) {
  const auto rollout = plan.now().rollout(item.workload, item.rollout);
  if (!rollout) return agreed();
  const auto workload = plan.now().workload(item.workload);
  if (rollout->is_active() || (workload && workload->rollout == item.rollout))
    return answer(Errc::failed_precondition,
                  title_of(item.workload, item.rollout) + " is the newest one, or goes on");
  plan.erase(rollout_key(item.workload, item.rollout));
  return agreed();
}

}  // namespace cloudless::workload_state
