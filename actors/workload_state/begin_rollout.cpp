#include "actors/workload_state/begin_rollout.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "messages/domain/rollout_history.hpp"

namespace cloudless::workload_state {
namespace {

/// What serves while a BLUE_GREEN rollout is under way: what did before. It is set only where all that can
/// serve at this moment is of one version, so that nothing that is available stops counting by it.
std::uint64_t serving_version_at_begin(const Snapshot& now, const Workload& workload) {
  // What ends by itself never is a full set that could be switched to.
  if (workload.spec.rollout.strategy != RolloutStrategy::blue_green ||
      workload.spec.pod.restart.mode != RestartMode::always)
    return 0;
  if (workload.serving_version != 0) return workload.serving_version;
  std::uint64_t only = 0;
  for (const auto& r : now.replicas_of(workload.uid)) {
    if (r->phase != Phase::running || !r->ready || !r->serving || r->is_leaving() || r->version == only)
      continue;
    if (only != 0) return 0;
    only = r->version;
  }
  return only;
}

void raise(std::optional<std::int64_t>& limit, std::int64_t request) {
  if (limit) limit = std::max(*limit, request);
}

}  // namespace

std::shared_ptr<const Rollout> newest_rollout(const Snapshot& now, const Workload& workload) {
  return workload.rollout != 0 ? now.rollout(workload.uid, workload.rollout) : nullptr;
}

bool has_canary(const Workload& workload, const Rollout& rollout) {
  return workload.spec.rollout.canary && rollout.from_version != 0 &&
         workload.spec.rollout.strategy == RolloutStrategy::rolling_update;
}

void put_rollout(owner::Plan& plan, Rollout rollout, const Stamp& stamp) {
  rollout.mark = stamp.moment;
  plan.put(std::make_shared<const Rollout>(std::move(rollout)));
}

void begin_rollout(owner::Plan& plan, Workload& workload, RolloutCause cause, std::uint64_t from_version,
                   const std::string& by, const Stamp& stamp) {
  const auto before = newest_rollout(plan.now(), workload);
  Rollout rollout;
  rollout.workload = workload.uid;
  rollout.number = ++workload.rollout;
  rollout.cause = cause;
  rollout.from_version = from_version;
  rollout.to_version = workload.version;
  rollout.by = by;
  rollout.created_at = stamp.wall;
  rollout.started_at = rollout.progress_from = stamp.moment;
  workload.serving_version = serving_version_at_begin(plan.now(), workload);
  if (before && before->is_active()) {
    Rollout superseded = *before;
    superseded.state = RolloutState::superseded;
    superseded.reason = "rollout " + std::to_string(rollout.number) + " to version " +
                        std::to_string(rollout.to_version) + " began (" + to_string(cause) + ")";
    superseded.ended_at = stamp.wall;
    put_rollout(plan, std::move(superseded), stamp);
  }
  put_rollout(plan, std::move(rollout), stamp);
}

void begin_next_version(owner::Plan& plan, Workload& workload, RolloutCause cause, const std::string& by,
                        const Stamp& stamp) {
  const std::uint64_t before = workload.version;
  workload.version = workload.latest_version = std::max(workload.latest_version, before) + 1;
  plan.put(std::make_shared<const Version>(
      Version{workload.uid, workload.version, workload.spec.pod, {}, false, stamp.wall}));
  begin_rollout(plan, workload, cause, before, by, stamp);
}

void go_back(owner::Plan& plan, Workload& workload, const Version& to, RolloutCause cause,
             const std::string& by, const Stamp& stamp) {
  const std::uint64_t before = workload.version;
  workload.version = to.number;
  workload.spec.pod = to.pod;
  raise(workload.spec.limits.cpu_millicores, to.pod.requests.cpu_millicores);
  raise(workload.spec.limits.memory_bytes, to.pod.requests.memory_bytes);
  begin_rollout(plan, workload, cause, before, by, stamp);
}

std::shared_ptr<const Version> way_back(const Snapshot& now, const Workload& workload) {
  return now.version(workload.uid, last_good_version(now, workload));
}

}  // namespace cloudless::workload_state
