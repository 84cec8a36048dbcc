// What a supervisor does about its runners when the set, or what it knows of the machine, changed. Pure: from
// what should run, what has a runner, and what containers are there, to what to spawn, stop and remove.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "actors/runtime/lifecycle.hpp"

namespace cloudless::runtime {

struct RunnerView {
  ContainerId container;
  StopCause stop = StopCause::none;
  bool over = false;      ///< its actor has ended; only its last report is kept
  ResourceLimits limits;  ///< the last that it was told
  ImagePin image{};
  PullAccess access{};
};

struct MachineView {
  const AssignmentSet& wanted;  ///< the full set that was accepted last
  const std::map<ReplicaId, ReplicaProgress>& progress;
  const std::map<ReplicaId, RunnerView>& runners;
  const std::vector<ObservedContainer>& containers;  ///< of the last list
  /// Replicas whose assignment an earlier agent process had: they may have had a container.
  const std::set<ReplicaId>& restored;
  /// A set of our cluster came from the coordinator in this process: containers that it does not name are
  /// removed.
  bool set_arrived = false;
};

struct Spawn {
  Assignment assignment;
  std::optional<ReplicaProgress> progress;
  Input first;
};

struct Reconciliation {
  std::vector<Spawn> spawns;
  std::vector<std::pair<ReplicaId, StopCause>> stops;
  std::vector<std::pair<ReplicaId, input::Pin>> pins;        ///< that are other ones now
  std::vector<std::pair<ReplicaId, ResourceLimits>> limits;  ///< other ones than it was told
  std::vector<ReplicaId> forgotten;                          ///< over, and no longer in the set
  std::vector<ContainerId> leftovers;                        ///< of attempts that a later one followed
};

Reconciliation reconcile(const MachineView& view);

}  // namespace cloudless::runtime
