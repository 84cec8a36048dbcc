#include "actors/runtime/reconcile.hpp"

#include <utility>

namespace cloudless::runtime {
namespace {

using ByReplica = std::map<ReplicaId, const ObservedContainer*>;

ByReplica newest_of(const std::vector<ObservedContainer>& containers, std::vector<ContainerId>& older) {
  ByReplica newest;
  for (const auto& container : containers) {
    auto [place, first] = newest.try_emplace(container.replica, &container);
    if (first) continue;
    const ObservedContainer* loser = &container;
    if (container.attempt > place->second->attempt) std::swap(loser, place->second);
    older.push_back(loser->container);
  }
  return newest;
}

Input first_input(const Assignment& assignment, const ByReplica& newest,
                  const std::set<ReplicaId>& restored) {
  auto seen = newest.find(assignment.replica);
  if (seen != newest.end()) return input::Adopt{*seen->second};
  if (restored.contains(assignment.replica)) return input::BeginAgain{};
  return input::Begin{};
}

/// A container that nobody wants is run to its end like a stopped replica.
Spawn spawn_orphan(const ObservedContainer& container) {
  Assignment assignment;
  assignment.replica = container.replica;
  assignment.workload_name = container.replica.value;
  assignment.stop = StopCause::deleted;
  return {std::move(assignment), std::nullopt, input::Adopt{container}};
}

std::vector<std::pair<ReplicaId, StopCause>> find_stops(const AssignmentSet& wanted,
                                                        const std::map<ReplicaId, RunnerView>& runners) {
  std::map<ReplicaId, StopCause> causes;
  for (const auto& assignment : wanted.assignments) causes[assignment.replica] = assignment.stop;
  std::vector<std::pair<ReplicaId, StopCause>> out;
  for (const auto& [replica, runner] : runners) {
    if (runner.over || runner.stop != StopCause::none) continue;
    auto found = causes.find(replica);
    const StopCause cause = found == causes.end() ? StopCause::deleted : found->second;
    if (cause != StopCause::none) out.emplace_back(replica, cause);
  }
  return out;
}

std::vector<std::pair<ReplicaId, ResourceLimits>> find_other_limits(
    const AssignmentSet& wanted, const std::map<ReplicaId, RunnerView>& runners) {
  std::vector<std::pair<ReplicaId, ResourceLimits>> out;
  for (const auto& assignment : wanted.assignments) {
    const auto runner = runners.find(assignment.replica);
    if (runner != runners.end() && !runner->second.over && runner->second.limits != assignment.limits)
      out.emplace_back(assignment.replica, assignment.limits);
  }
  return out;
}

std::vector<std::pair<ReplicaId, input::Pin>> find_pins(const AssignmentSet& wanted,
                                                        const std::map<ReplicaId, RunnerView>& runners) {
  std::vector<std::pair<ReplicaId, input::Pin>> out;
  for (const auto& assignment : wanted.assignments) {
    const auto runner = runners.find(assignment.replica);
    if (runner == runners.end() || runner->second.over) continue;
    if (runner->second.image != assignment.image || runner->second.access != assignment.access)
      out.emplace_back(assignment.replica, input::Pin{assignment.image, assignment.access});
  }
  return out;
}

}  // namespace

Reconciliation reconcile(const MachineView& view) {
  Reconciliation out;
  out.stops = find_stops(view.wanted, view.runners);
  out.limits = find_other_limits(view.wanted, view.runners);
  out.pins = find_pins(view.wanted, view.runners);
  std::vector<ContainerId> older;
  const ByReplica newest = newest_of(view.containers, older);

  std::set<ReplicaId> wanted;
  for (const auto& assignment : view.wanted.assignments) {
    wanted.insert(assignment.replica);
    if (view.runners.contains(assignment.replica)) continue;
    auto progress = view.progress.find(assignment.replica);
    out.spawns.push_back({assignment,
                          progress == view.progress.end() ? std::nullopt : std::optional(progress->second),
                          first_input(assignment, newest, view.restored)});
  }
  for (const auto& [replica, runner] : view.runners)
    if (runner.over && !wanted.contains(replica)) out.forgotten.push_back(replica);
  if (!view.set_arrived) return out;
  for (const auto& [replica, container] : newest)
    if (!wanted.contains(replica) && !view.runners.contains(replica))
      out.spawns.push_back(spawn_orphan(*container));
  for (auto& id : older) {
    bool in_use = false;
    for (const auto& [replica, runner] : view.runners) in_use = in_use || runner.container == id;
    if (!in_use) out.leftovers.push_back(std::move(id));
  }
  return out;
}

}  // namespace cloudless::runtime
