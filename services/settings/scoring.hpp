// What weighs how much in the choice of a node for workloads that do not say it: a setting of the
// coordinator, which writes it into them, and of gateways, whose dry runs have to expect it.
#pragma once

#include <cstdint>
#include <string>

#include "messages/domain/placement.hpp"
#include "services/settings/settings.hpp"

namespace cloudless::settings {

/// Thousandths, 0-1000.
struct ScoringSettings {
  std::uint32_t locality = kLocalityWeight;
  std::uint32_t reliability = kReliabilityWeight;
  std::uint32_t cost = kCostWeight;
  std::uint32_t utilization = kUtilizationWeight;
  std::uint32_t network = kNetworkWeight;
  std::string mode = "pack";
};

/// "scoring.locality" and so on.
void add_scoring(Settings& form, ScoringSettings& values);

/// What of it is not as it is for a workload that says nothing: only that has to be written down.
Scoring usual_scoring(const ScoringSettings& values);

}  // namespace cloudless::settings
