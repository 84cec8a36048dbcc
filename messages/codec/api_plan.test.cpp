#include "messages/codec/api_plan.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace cloudless;

namespace {

api::PlanTarget& add(api::PlanRequest& request, const std::string& name, const std::string& image) {
  auto& target = *request.mutable_apply()->add_workloads();
  target.set_name(name);
  target.mutable_spec()->set_image(image);
  return target;
}

}  // namespace

TEST_CASE("What is to be planned is parsed with defaults, and knows whether a number of replicas was given") {
  api::PlanRequest request;
  add(request, "web", "web:1");
  add(request, "db", "db:1").mutable_spec()->set_replicas(3);
  const auto targets = codec::parse_targets(request);
  REQUIRE(targets.has_value());
  REQUIRE(targets->size() == 2);
  CHECK((*targets)[0].name == QualifiedName{"default", "web"});
  CHECK((*targets)[0].keep_replicas);
  CHECK((*targets)[0].spec.pod.image == "web:1");
  CHECK_FALSE((*targets)[1].keep_replicas);
  CHECK((*targets)[1].spec.replicas == 3);
}

TEST_CASE("Every bad field of a plan is named with its path") {
  api::PlanRequest request;
  add(request, "web", "web:1");
  add(request, "web", "web:1").mutable_spec()->set_replicas(10'001);
  add(request, "Not a name", "");
  const auto targets = codec::parse_targets(request);
  REQUIRE_FALSE(targets.has_value());
  CHECK(targets.error().code == Errc::invalid_argument);
  std::string fields;
  for (const auto& violation : targets.error().violations) fields += violation.path + " ";
  CHECK(fields ==
        "apply.workloads[1].name apply.workloads[1].spec.replicas apply.workloads[2].name "
        "apply.workloads[2].spec.image ");
  CHECK_FALSE(codec::parse_targets({}).has_value());
}

TEST_CASE("A rebalance has a budget of 1 to 100 moves") {
  api::RebalanceRequest request;
  CHECK(codec::parse_rebalance(request)->budget == 10);
  request.set_budget(100);
  request.set_min_gain(0);
  CHECK(codec::parse_rebalance(request)->budget == 100);
  CHECK(codec::parse_rebalance(request)->min_gain == 0);
  for (const std::uint32_t wrong : {0U, 101U}) {
    request.set_budget(wrong);
    const auto refused = codec::parse_rebalance(request);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().violations.at(0).path == "budget");
  }
  request.clear_budget();
  request.set_namespace_("No");
  CHECK(codec::parse_rebalance(request).error().violations.at(0).path == "namespace");
}
