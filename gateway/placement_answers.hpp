// The scheduler's words on places as the API's messages. Pure.
#pragma once

#include "actors/scheduler/demand.hpp"
#include "actors/scheduler/score.hpp"
#include "cloudless/api/placement.pb.h"
#include "messages/domain/snapshot.hpp"

namespace cloudless::gateway {

void write_place(const NodeId& node, const scheduler::ScoreTerms& terms, api::PlaceScore& out);
/// As for a replica that has no node, whether a node would take it now or not.
void write_unplaced(const scheduler::Demand& demand, api::PlacementExplanation& out);
/// Why this replica waits in what is planned. now: store time.
void write_why_not(const Snapshot& planned, const ReplicaSlot& slot, Millis now,
                   api::PlacementExplanation& out);

}  // namespace cloudless::gateway
