#include "messages/codec/check_placement.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <string>
#include <vector>

namespace cloudless::codec {
namespace {

std::vector<std::string> bad_placement_paths(const std::string& text) {
  api::WorkloadSpec spec;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &spec));
  Violations v;
  check_placement(spec, "spec", v);
  std::vector<std::string> out;
  if (const auto error = v.error("the placement"))
    for (const auto& violation : error->violations) out.push_back(violation.path);
  return out;
}

std::string required(const std::string& expressions) {
  return "placement { affinity { topology_key: 'node' required: true " + expressions + " } }";
}

std::string where(const std::string& key, const std::string& op, const std::string& values = "") {
  return "node_expressions { key: '" + key + "' operator: OPERATOR_" + op + " " + values + " } ";
}

}  // namespace

TEST_CASE("what is wrong with a placement is refused with its path") {
  using Paths = std::vector<std::string>;
  const std::string term =
      "placement { affinity { topology_key: 'zone' workload_selector { key: 'app' value: 'db' } ";
  const std::string away =
      "placement { anti_affinity { topology_key: 'zone' required: true workload_selector { key: 'app' value: "
      "'db' } } ";
  const std::vector<std::pair<std::string, Paths>> cases{
      {"", {}},
      {"priority: 1000", {}},
      {"priority: 1001", {"spec.priority"}},
      {"all_or_nothing: true replicas: 64", {}},
      {"all_or_nothing: true replicas: 65", {"spec.all_or_nothing"}},
      {"scoring { locality_milli: 1000 network_milli: 0 mode: BALANCE }", {}},
      {"scoring { cost_milli: 1001 mode: 7 }", {"spec.scoring.cost_milli", "spec.scoring.mode"}},
      {"placement { zones: 'a' zones: 'b' regions: 'r' architectures: 'arm64' }", {}},
      {"placement { zones: 'a' zones: 'a' regions: 'a b' architectures: '' }",
       {"spec.placement.regions[0]", "spec.placement.zones[1]", "spec.placement.architectures[0]"}},
      {"placement { node_selector { key: 'disk' value: 'ssd' } }", {}},
      {"placement { node_selector { key: '' value: 'a b' } }",
       {"spec.placement.node_selector[]", "spec.placement.node_selector[]"}},
      {"placement { spread_topology: 'zone' max_skew: 1 }", {}},
      {"placement { spread_topology: 'rack' }", {"spec.placement.spread_topology"}},
      {"placement { max_skew: 0 }", {"spec.placement.max_skew"}},
      {"placement { spread_topology: 'none' max_skew: 2 }", {"spec.placement.max_skew"}},
      {term + "} }", {}},
      {term + "weight: 101 } }", {"spec.placement.affinity[0].weight"}},
      {term + where("a", "EXISTS") + "} }",
       {"spec.placement.affinity[0]", "spec.placement.affinity[0].topology_key"}},
      {"placement { affinity { topology_key: 'rack' workload_selector { key: 'app' value: 'db' } } }",
       {"spec.placement.affinity[0].topology_key"}},
      {"placement { affinity { topology_key: 'kubernetes.io/hostname' workload_selector { key: 'app' value: "
       "'db' } } }",
       {}},
      {"placement { affinity { topology_key: 'node' } }", {"spec.placement.affinity[0]"}},
      {"placement { anti_affinity { topology_key: 'node' " + where("a", "EXISTS") + "} }",
       {"spec.placement.anti_affinity[0].node_expressions"}},
      {away +
           "affinity { topology_key: 'zone' required: true workload_selector { key: 'app' value: 'db' } } }",
       {"spec.placement.anti_affinity[0]"}},
      {away +
           "affinity { topology_key: 'node' required: true workload_selector { key: 'app' value: 'db' } } }",
       {}},
      {"placement { tolerations { key: 'gpu' value: 'true' effect: TAINT_EFFECT_NO_SCHEDULE } tolerations {} "
       "}",
       {}},
      {"placement { tolerations { key: 'a b' effect: 9 } }",
       {"spec.placement.tolerations[0].key", "spec.placement.tolerations[0].effect"}},
      {"placement { tolerations { value: 'x' } }", {"spec.placement.tolerations[0].value"}},
      {"placement { tolerations { key: 'a' effect: TAINT_EFFECT_NO_EXECUTE toleration_seconds: 0 } }", {}},
      {"placement { tolerations { key: 'a' effect: TAINT_EFFECT_NO_EXECUTE toleration_seconds: 31536001 } }",
       {"spec.placement.tolerations[0].toleration_seconds"}},
      {"placement { tolerations { key: 'a' toleration_seconds: 5 } }",
       {"spec.placement.tolerations[0].toleration_seconds"}},
  };
  for (const auto& [text, paths] : cases) {
    CAPTURE(text);
    CHECK(bad_placement_paths(text) == paths);
  }
}

TEST_CASE("expressions say what they need") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {where("a", "IN", "values: 'x' values: 'y'"), ""},
      {where("a", "IN"), ".values"},
      {where("a", "NOT_IN", "values: 'x y'"), ".values"},
      {where("a", "EXISTS", "values: 'x'"), ".values"},
      {where("a", "DOES_NOT_EXIST"), ""},
      {where("a", "GT", "values: '-5'"), ""},
      {where("a", "LT", "values: 'x'"), ".values"},
      {where("a", "GT", "values: '1' values: '2'"), ".values"},
      {where("a b", "EXISTS"), ".key"},
      {where("a", "UNSPECIFIED"), ".operator"},
  };
  for (const auto& [expression, field] : cases) {
    CAPTURE(expression);
    const std::string path = "spec.placement.affinity[0].node_expressions[0]";
    const std::vector<std::string> wanted =
        field.empty() ? std::vector<std::string>{} : std::vector<std::string>{path + field};
    CHECK(bad_placement_paths(required(expression)) == wanted);
  }
}

TEST_CASE("rules that no node can meet together are refused where the contradiction shows") {
  const std::string last = "spec.placement.affinity[0].node_expressions[1]";
  const std::vector<std::pair<std::string, bool>> cases{
      {where("a", "IN", "values: 'x'") + where("a", "IN", "values: 'y'"), true},
      {where("a", "IN", "values: 'x' values: 'y'") + where("a", "IN", "values: 'y'"), false},
      {where("a", "IN", "values: 'x'") + where("a", "NOT_IN", "values: 'x'"), true},
      {where("a", "EXISTS") + where("a", "DOES_NOT_EXIST"), true},
      {where("a", "NOT_IN", "values: 'x'") + where("a", "DOES_NOT_EXIST"), false},
      {where("a", "GT", "values: '4'") + where("a", "LT", "values: '5'"), true},
      {where("a", "GT", "values: '4'") + where("a", "LT", "values: '6'"), false},
      {where("a", "IN", "values: '3'") + where("a", "GT", "values: '3'"), true},
      {where("a", "IN", "values: '4'") + where("a", "GT", "values: '3'"), false},
  };
  for (const auto& [expressions, refused] : cases) {
    CAPTURE(expressions);
    CHECK(bad_placement_paths(required(expressions)) ==
          (refused ? std::vector<std::string>{last} : std::vector<std::string>{}));
  }
  CHECK(
      bad_placement_paths("placement { node_selector { key: 'a' value: 'x' } affinity { topology_key: 'node' "
                          "required: true " +
                          where("a", "NOT_IN", "values: 'x'") + "} }") ==
      std::vector<std::string>{"spec.placement.affinity[0].node_expressions[0]"});
  // A wish contradicts nothing.
  CHECK(bad_placement_paths("placement { affinity { topology_key: 'node' " + where("a", "EXISTS") +
                            where("a", "DOES_NOT_EXIST") + "} }")
            .empty());
}

}  // namespace cloudless::codec
