#include "gateway/spec_diff.hpp"

#include <doctest/doctest.h>

using namespace cloudless;
using gateway::differences;
using gateway::SpecDifference;

TEST_CASE("Two specs differ in the fields that have other values, by path") {
  api::WorkloadSpec before;
  before.set_image("web:1");
  before.add_args("a");
  before.mutable_rollout()->mutable_max_surge()->set_absolute(1);
  (*before.mutable_labels())["example.org/tier"] = "front";
  CHECK(differences(before, before).empty());

  auto after = before;
  after.set_image("web:2");
  after.add_args("b");
  after.mutable_rollout()->mutable_max_surge()->set_absolute(2);
  (*after.mutable_labels())["example.org/tier"] = "back";
  after.set_priority(7);
  CHECK(differences(before, after) == std::vector<SpecDifference>{
                                          {"args[1]", "", "\"b\""},
                                          {"image", "\"web:1\"", "\"web:2\""},
                                          {"labels[example.org/tier]", "\"front\"", "\"back\""},
                                          {"priority", "", "7"},
                                          {"rollout.max_surge.absolute", "1", "2"},
                                      });
  CHECK(differences(after, before)[0] == SpecDifference{"args[1]", "\"b\"", ""});
}
