#include "services/settings/scoring.hpp"

#include <optional>

namespace cloudless::settings {

void add_scoring(Settings& form, ScoringSettings& values) {
  const auto weight = [&](const char* term, std::uint32_t& value, const char* what) {
    form.number<std::uint32_t>(std::string("scoring.") + term, value, {0, 1000},
                               std::string("What weighs in the choice of a node, thousandths: ") + what);
  };
  weight("locality", values.locality, "it is where the workload asks for, near its peers, has its image");
  weight("reliability", values.reliability, "it was not lost of late");
  weight("cost", values.cost, "it costs little");
  weight("utilization", values.utilization, "it is filled up, or evenly loaded, as scoring.mode says");
  weight("network", values.network, "its link is long, or its region far from its peers; this is taken off");
  form.choice("scoring.mode", values.mode, {"pack", "balance"},
              "Whether replicas fill nodes up or keep them evenly loaded");
}

Scoring usual_scoring(const ScoringSettings& values) {
  const auto unless = [](std::uint32_t value, std::uint32_t usual) {
    return value == usual ? std::optional<std::uint32_t>{} : value;
  };
  Scoring out;
  out.locality = unless(values.locality, kLocalityWeight);
  out.reliability = unless(values.reliability, kReliabilityWeight);
  out.cost = unless(values.cost, kCostWeight);
  out.utilization = unless(values.utilization, kUtilizationWeight);
  out.network = unless(values.network, kNetworkWeight);
  if (values.mode == "balance") out.mode = Utilization::balance;
  return out;
}

}  // namespace cloudless::settings
