// What a commit means for people: the events between a view and the commit that follows it. Pure; the events
// actor calls it for every commit it follows.
#pragma once

#include <vector>

#include "messages/domain/event.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::events {

/// In the order of the commit's changes. `before` is the view before the commit. Kinds: WorkloadCreated,
/// WorkloadUpdated, WorkloadScaled, WorkloadDeleted, WorkloadGone; RolloutStarted, RolloutInterrupts,
/// RolloutPaused, RolloutResumed, RolloutPromoted, RolloutCompleted, RolloutFailed, RolloutRolledBack,
/// ServingSwitched; ReplicaAdded, ReplicaUnplaced,
/// ReplicaAssigned, ReplicaStarted, ReplicaReady, ReplicaNotReady, ReplicaBackOff, ReplicaStopping,
/// ReplicaSucceeded, ReplicaFailed, ReplicaStopped, ReplicaLost; NodeRegistered, NodeReady, NodeSuspect,
/// NodeOffline, NodeCordoned, NodeUncordoned, NodeDraining, NodeUpdated, NodeTroubled, NodeRecovered,
/// NodeRemoved.
std::vector<Event> derive(const Snapshot& before, const Commit& commit, WallMillis wall);

}  // namespace cloudless::events
