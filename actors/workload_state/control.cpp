#include "actors/workload_state/control.hpp"

#include <utility>

#include "actors/workload_state/begin_rollout.hpp"

namespace cloudless::workload_state {
namespace {

std::string workload_title(const Workload& workload) {
  return "workload " + workload.ns + "/" + workload.name;
}
std::string rollout_title(const Workload& workload, const Rollout& rollout) {
  return "rollout " + std::to_string(rollout.number) + " of " + workload_title(workload);
}

/// The newest rollout, if it goes on.
Result<Rollout> active_rollout(const Snapshot& now, const Workload& workload, const std::string& verb,
                               const std::string& way_out) {
  const auto newest = newest_rollout(now, workload);
  if (!newest)
    return fail(Errc::failed_precondition, workload_title(workload) + " has no rollout to " + verb +
                                               "; an update or a restart makes one");
  if (!newest->is_active())
    return fail(Errc::failed_precondition, rollout_title(workload, *newest) + " is " +
                                               to_string(newest->state) + ": there is nothing to " + verb +
                                               "; " + way_out);
  return *newest;
}

Result<Workload> pause(owner::Plan& plan, const Workload& present, const Stamp& stamp) {
  auto rollout = active_rollout(plan.now(), present, "pause", "only one that goes on can be paused");
  if (!rollout) return fail(rollout.error());
  if (rollout->paused) return present;
  rollout->paused = true;
  put_rollout(plan, std::move(*rollout), stamp);
  return present;
}

Result<Workload> resume(owner::Plan& plan, const Workload& present, const Stamp& stamp) {
  auto rollout = active_rollout(plan.now(), present, "resume", "an update or a restart begins another one");
  if (!rollout) return fail(rollout.error());
  if (!rollout->paused) return present;
  rollout->paused = false;
  rollout->progress_from = stamp.moment;
  put_rollout(plan, std::move(*rollout), stamp);
  return present;
}

Result<Workload> promote(owner::Plan& plan, const Workload& present, const Stamp& stamp) {
  auto rollout = active_rollout(plan.now(), present, "promote", "only one that goes on can be promoted");
  if (!rollout) return fail(rollout.error());
  if (!has_canary(present, *rollout))
    return fail(Errc::failed_precondition,
                rollout_title(present, *rollout) +
                    (rollout->from_version == 0 ? " is the first one, which has no canary to promote"
                                                : " has no canary to promote") +
                    "; it goes on by itself (spec.rollout.canary, with strategy ROLLING_UPDATE, makes one)");
  if (rollout->promoted) return present;
  rollout->promoted = true;
  rollout->progress_from = stamp.moment;
  put_rollout(plan, std::move(*rollout), stamp);
  return present;
}

Workload put_turned(owner::Plan& plan, Workload workload, const Stamp& stamp) {
  workload.revision = stamp.number;
  workload.updated_at = stamp.wall;
  plan.put(std::make_shared<const Workload>(workload));
  return workload;
}

Result<Workload> abort(owner::Plan& plan, const Workload& present, const std::string& by,
                       const Stamp& stamp) {
  auto rollout =
      active_rollout(plan.now(), present, "abort", "undo goes back to another version at any time");
  if (!rollout) return fail(rollout.error());
  const auto to = way_back(plan.now(), present);
  if (!to)
    return fail(Errc::failed_precondition,
                rollout_title(present, *rollout) +
                    " cannot be aborted: no other version was ever fully ready, so there is nothing to go "
                    "back to; update the workload instead, pause the rollout, or name a version with undo");
  Workload workload = present;
  go_back(plan, workload, *to, RolloutCause::aborted, by, stamp);
  return put_turned(plan, std::move(workload), stamp);
}

std::string known_versions(const Snapshot& now, const Workload& workload) {
  constexpr std::size_t kMostNamed = 20;
  const auto versions = now.versions_of(workload.uid);
  std::string out;
  for (std::size_t i = versions.size() > kMostNamed ? versions.size() - kMostNamed : 0; i < versions.size();
       ++i)
    out += (out.empty() ? "" : ", ") + std::to_string(versions[i]->number);
  return out;
}

Result<std::shared_ptr<const Version>> undo_target(const Snapshot& now, const Workload& workload,
                                                   std::uint64_t number) {
  if (number == 0) {
    if (auto to = way_back(now, workload)) return to;
    return fail(Errc::failed_precondition, "no other version of " + workload_title(workload) +
                                               " was ever fully ready, so there is nothing to go back to; "
                                               "name one of its versions (" +
                                               known_versions(now, workload) + ") in to_version");
  }
  if (number == workload.version)
    return fail(Errc::failed_precondition, "version " + std::to_string(number) + " is the current one of " +
                                               workload_title(workload) +
                                               "; restart makes new containers of it");
  if (auto to = now.version(workload.uid, number)) return to;
  return fail(Error{Errc::invalid_argument,
                    workload_title(workload) + " has no version " + std::to_string(number),
                    {{"to_version", "is " + std::to_string(number) + "; the versions that are kept are " +
                                        known_versions(now, workload)}}});
}

Result<Workload> undo(owner::Plan& plan, const Workload& present, std::uint64_t to_version,
                      const std::string& by, const Stamp& stamp) {
  const auto to = undo_target(plan.now(), present, to_version);
  if (!to) return fail(to.error());
  Workload workload = present;
  go_back(plan, workload, **to, RolloutCause::undone, by, stamp);
  return put_turned(plan, std::move(workload), stamp);
}

}  // namespace

Result<Workload> control(owner::Plan& plan, const Workload& present, const ControlRollout& action,
                         const std::string& by, const Stamp& stamp) {
  switch (action.action) {
    case RolloutAction::pause:
      return pause(plan, present, stamp);
    case RolloutAction::resume:
      return resume(plan, present, stamp);
    case RolloutAction::promote:
      return promote(plan, present, stamp);
    case RolloutAction::abort:
      return abort(plan, present, by, stamp);
    case RolloutAction::undo:
      return undo(plan, present, action.to_version, by, stamp);
    case RolloutAction::restart: {
      Workload workload = present;
      begin_next_version(plan, workload, RolloutCause::restarted, by, stamp);
      return put_turned(plan, std::move(workload), stamp);
    }
  }
  return fail(Error{Errc::invalid_argument, "unknown rollout action", {{"action", "is not a known one"}}});
}

}  // namespace cloudless::workload_state
