#include "services/settings/scoring.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace cloudless::settings {
namespace {

Result<Outcome> load(ScoringSettings& values, const std::vector<std::string>& flags) {
  Settings form({"cloudless-coordinator", "", "", ""});
  add_scoring(form, values);
  std::vector<const char*> words{"cloudless-coordinator"};
  for (const auto& flag : flags) words.push_back(flag.c_str());
  return form.load(static_cast<int>(words.size()), words.data(),
                   [](const std::string&) { return std::nullopt; });
}

TEST_CASE(
    "weights that are set are what workloads get that say nothing; the usual ones need not be written") {
  ScoringSettings values;
  REQUIRE(load(values, {}));
  CHECK(usual_scoring(values) == Scoring{});
  REQUIRE(load(values, {"--scoring-locality=0", "--scoring-reliability=1000", "--scoring-cost=151",
                        "--scoring-utilization=200", "--scoring-network=99", "--scoring-mode=balance"}));
  CHECK(usual_scoring(values) == Scoring{0, 1000, 151, std::nullopt, 99, Utilization::balance});
}

TEST_CASE("a weight beyond 0 to 1000 and an unknown mode are refused with the setting's name") {
  for (const char* bad :
       {"locality=1001", "reliability=-1", "cost=much", "utilization=2000", "network=-5", "mode=spread"}) {
    CAPTURE(bad);
    ScoringSettings values;
    const auto loaded = load(values, {std::string("--scoring-") + bad});
    REQUIRE_FALSE(loaded);
    const std::string name = std::string(bad).substr(0, std::string(bad).find('='));
    CHECK(loaded.error().message.find("scoring-" + name) != std::string::npos);
  }
}

}  // namespace
}  // namespace cloudless::settings
