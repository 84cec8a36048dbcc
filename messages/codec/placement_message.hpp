// Placement rules and weights as messages of the API schema; the same form is stored and sent. read() fills
// in defaults and is false for what no domain value can hold; words of users go through check_placement
// first.
#pragma once

#include "cloudless/api/workload.pb.h"
#include "messages/domain/workload.hpp"

namespace cloudless::codec {

/// Nothing is written of a placement that has no rule, and of weights that are absent.
void write_placement(const Placement& placement, api::WorkloadSpec& out);
bool read_placement(const api::WorkloadSpec& wire, Placement& out);
void write_scoring(const Scoring& scoring, api::WorkloadSpec& out);
bool read_scoring(const api::WorkloadSpec& wire, Scoring& out);

/// "node", "zone", "region"; "kubernetes.io/hostname" is node. Absent: not one of them.
std::optional<Topology> topology_of(const std::string& key);
/// "node", "zone", "region", "none"; empty is node. Absent: not one of them.
std::optional<Spread> spread_of(const std::string& name);

}  // namespace cloudless::codec
