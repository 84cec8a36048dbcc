#include "actors/workload_state/command.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/workload_state/begin_rollout.hpp"
#include "actors/workload_state/control.hpp"
#include "actors/workload_state/validate.hpp"

namespace cloudless::workload_state {
namespace {

/// A delete stops this many itself, so that nobody else waits long for the owner; rollout proposes the other
/// stops.
constexpr std::size_t kMaxMoved = 100;
constexpr std::size_t kMaxStopsAtOnce = 500;
constexpr std::uint64_t kMask40 = (std::uint64_t{1} << 40) - 1;

std::string title(const std::string& ns, const std::string& name) {
  return "workload " + ns + "/" + name;
}

/// The workload of that name, at the expected revision.
Result<std::shared_ptr<const Workload>> find(const Snapshot& now, const std::string& ns,
                                             const std::string& name, Revision expected) {
  auto workload = now.workload(ns, name);
  if (!workload) return fail(Errc::not_found, title(ns, name) + " does not exist");
  if (expected != 0 && expected != workload->revision)
    return fail(Errc::aborted, title(ns, name) + " is at revision " + std::to_string(workload->revision) +
                                   ", not " + std::to_string(expected) +
                                   "; read it again and repeat the change");
  return workload;
}

Error bad_fields(std::vector<Violation> violations) {
  return {Errc::invalid_argument, "the request has " + std::to_string(violations.size()) + " bad field(s)",
          std::move(violations)};
}

Workload put_written(owner::Plan& plan, Workload workload, const Stamp& stamp) {
  workload.revision = stamp.number;
  workload.updated_at = stamp.wall;
  plan.put(std::make_shared<const Workload>(workload));
  return workload;
}

Result<Workload> create(owner::Plan& plan, const CreateWorkload& action, const std::string& by,
                        const Stamp& stamp, const Scoring& usual) {
  if (const auto holder = plan.now().workload(action.ns, action.name))
    return fail(Errc::already_exists, title(action.ns, action.name) + " exists (uid " + holder->uid.value +
                                          "); update it, or delete it first");
  Workload workload;
  workload.uid = uid_of(stamp.number);
  workload.ns = action.ns;
  workload.name = action.name;
  workload.spec = action.spec;
  workload.spec.scoring = completed(action.spec.scoring, usual);
  workload.created_at = stamp.wall;
  plan.require({workload_key(workload.uid), 0});
  plan.put(std::make_shared<const Version>(
      Version{workload.uid, workload.version, workload.spec.pod, {}, false, stamp.wall}));
  begin_rollout(plan, workload, RolloutCause::created, 0, by, stamp);
  return put_written(plan, std::move(workload), stamp);
}

Result<Workload> update(owner::Plan& plan, const UpdateWorkload& action, const std::string& by,
                        const Stamp& stamp, const Scoring& usual) {
  const auto present = find(plan.now(), action.ns, action.name, action.expected_revision);
  if (!present) return fail(present.error());
  Workload workload = **present;
  workload.spec = action.spec;
  workload.spec.scoring = completed(action.spec.scoring, usual);
  if (action.keep_replicas) workload.spec.replicas = (*present)->spec.replicas;
  if (workload.spec == (*present)->spec) return workload;
  if (auto wrong = too_large_a_gang(workload.spec, "spec.all_or_nothing")) return fail(bad_fields({*wrong}));
  if (workload.spec.rollout.strategy != RolloutStrategy::blue_green) workload.serving_version = 0;
  if (workload.spec.pod != (*present)->spec.pod)
    begin_next_version(plan, workload, RolloutCause::updated, by, stamp);
  return put_written(plan, std::move(workload), stamp);
}

Result<Workload> scale(owner::Plan& plan, const ScaleWorkload& action, const Stamp& stamp) {
  const auto present = find(plan.now(), action.ns, action.name, action.expected_revision);
  if (!present) return fail(present.error());
  Workload workload = **present;
  if (workload.spec.replicas == action.replicas) return workload;
  workload.spec.replicas = action.replicas;
  if (auto wrong = too_large_a_gang(workload.spec, "replicas")) return fail(bad_fields({*wrong}));
  return put_written(plan, std::move(workload), stamp);
}

Result<Workload> remove(owner::Plan& plan, const DeleteWorkload& action, const Stamp& stamp,
                        const IsFollowed& is_followed) {
  const auto present = find(plan.now(), action.ns, action.name, action.expected_revision);
  if (!present) return fail(present.error());
  Workload workload = **present;
  workload.deleted = true;
  workload = put_written(plan, std::move(workload), stamp);
  plan.seal();
  const bool followed = is_followed(workload);
  std::size_t stops = 0;
  for (const auto& replica : plan.now().replicas_of(workload.uid)) {
    if (is_terminal(replica->phase) || replica->is_leaving()) continue;
    if (++stops > kMaxStopsAtOnce) break;
    const auto node = plan.now().node(replica->node);
    plan.put(std::make_shared<const Replica>(
        told_to_stop(*replica, StopCause::deleted, node.get(), followed, stamp.moment)));
    plan.seal();
  }
  return workload;
}

Result<Workload> move(owner::Plan& plan, const MoveReplicas& action) {
  if (action.replicas.empty() || action.replicas.size() > kMaxMoved)
    return fail(Errc::invalid_argument, std::to_string(action.replicas.size()) +
                                            " replicas are to move; name 1 to " + std::to_string(kMaxMoved));
  const auto present = find(plan.now(), action.ns, action.name, 0);
  if (!present) return fail(present.error());
  for (const auto& id : action.replicas) {
    const auto replica = plan.now().replica(id);
    if (!replica || replica->workload != (*present)->uid || is_terminal(replica->phase) ||
        replica->is_leaving() || replica->node.empty() || replica->evict != StopCause::none)
      continue;
    Replica moved = *replica;
    moved.evict = StopCause::rebalance;
    plan.put(std::make_shared<const Replica>(std::move(moved)));
    plan.seal();
  }
  return **present;
}

}  // namespace

WorkloadUid uid_of(Revision stamp) {
  // Every step maps the 40-bit numbers one to one: odd multipliers, and shifts of at least half the width.
  std::uint64_t x = stamp & kMask40;
  x = (x * 0x9e3779b97fu) & kMask40;
  x ^= x >> 21;
  x = (x * 0xd6e8feb869u) & kMask40;
  x ^= x >> 23;
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out(10, '0');
  for (int i = 9; i >= 0; --i, x >>= 4) out[static_cast<std::size_t>(i)] = kDigits[x & 15];
  return WorkloadUid{std::move(out)};
}

Scoring completed(const Scoring& own, const Scoring& usual) {
  const auto filled = [](auto mine, const auto& other) {
    if (!mine) mine = other;
    return mine;
  };
  return {filled(own.locality, usual.locality), filled(own.reliability, usual.reliability),
          filled(own.cost, usual.cost),         filled(own.utilization, usual.utilization),
          filled(own.network, usual.network),   filled(own.mode, usual.mode)};
}

Result<Workload> apply(owner::Plan& plan, const WorkloadCommand& command, const Stamp& stamp,
                       const IsFollowed& is_followed, const Scoring& usual) {
  if (auto violations = validate(command); !violations.empty())
    return fail(bad_fields(std::move(violations)));
  const std::string& by = command.context.principal;
  if (const auto* action = std::get_if<CreateWorkload>(&command.action))
    return create(plan, *action, by, stamp, usual);
  if (const auto* action = std::get_if<UpdateWorkload>(&command.action))
    return update(plan, *action, by, stamp, usual);
  if (const auto* action = std::get_if<ScaleWorkload>(&command.action)) return scale(plan, *action, stamp);
  if (const auto* action = std::get_if<DeleteWorkload>(&command.action))
    return remove(plan, *action, stamp, is_followed);
  if (const auto* action = std::get_if<MoveReplicas>(&command.action)) return move(plan, *action);
  const auto& action = std::get<ControlRollout>(command.action);
  const auto present = find(plan.now(), action.ns, action.name, action.expected_revision);
  if (!present) return fail(present.error());
  return control(plan, **present, action, by, stamp);
}

}  // namespace cloudless::workload_state
