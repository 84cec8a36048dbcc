#include "messages/codec/check_rollout.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <string>
#include <vector>

namespace cloudless::codec {
namespace {

std::vector<std::string> bad_rollout_paths(const std::string& text) {
  api::WorkloadSpec spec;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &spec));
  Violations v;
  check_rollout(spec, "spec.rollout", v);
  std::vector<std::string> out;
  if (const auto error = v.error("the rollout"))
    for (const auto& violation : error->violations) out.push_back(violation.path);
  return out;
}

}  // namespace

TEST_CASE("what is wrong with a rollout is refused with its path") {
  using Paths = std::vector<std::string>;
  const std::vector<std::pair<std::string, Paths>> cases{
      {"", {}},
      {"rollout { strategy: BLUE_GREEN switch_back_window_ms: 0 }", {}},
      {"rollout { canary { replicas { percent: 10 } promote_after_ms: 1000 } }", {}},
      {"rollout { canary {} }", {}},
      {"rollout { min_available: 0 pause_duration_ms: 1 min_ready_ms: 1 progress_deadline_ms: 1000 "
       "ready_timeout_ms: 1000 history_limit: 0 auto_rollback: false }",
       {}},
      {"replicas: 5 rollout { min_available: 5 }", {}},
      {"replicas: 4 rollout { min_available: 5 max_surge { absolute: 0 } }", {}},
      {"replicas: 0 rollout { min_available: 0 max_surge { absolute: 0 } }", {}},
      {"rollout { strategy: RECREATE max_surge { absolute: 0 } max_unavailable { absolute: 0 } }", {}},
      {"rollout { strategy: 77 }", {"spec.rollout.strategy"}},
      {"rollout { max_surge {} }", {"spec.rollout.max_surge"}},
      {"rollout { max_surge { percent: 101 } max_unavailable { absolute: 10001 } }",
       {"spec.rollout.max_surge.percent", "spec.rollout.max_unavailable.absolute"}},
      {"rollout { max_surge { absolute: 0 } max_unavailable { percent: 0 } }", {"spec.rollout.max_surge"}},
      {"replicas: 5 rollout { min_available: 5 max_surge { absolute: 0 } }", {"spec.rollout.max_surge"}},
      {"rollout { min_available: 1 max_surge { percent: 0 } }", {"spec.rollout.max_surge"}},
      {"rollout { min_available: 10001 }", {"spec.rollout.min_available"}},
      {"rollout { pause_duration_ms: 86400001 }", {"spec.rollout.pause_duration_ms"}},
      {"rollout { min_ready_ms: 3600001 }", {"spec.rollout.min_ready_ms"}},
      {"rollout { progress_deadline_ms: 999 }", {"spec.rollout.progress_deadline_ms"}},
      {"rollout { ready_timeout_ms: 999 }", {"spec.rollout.ready_timeout_ms"}},
      {"rollout { switch_back_window_ms: 86400001 }", {"spec.rollout.switch_back_window_ms"}},
      {"rollout { history_limit: 101 }", {"spec.rollout.history_limit"}},
      {"rollout { canary { replicas { absolute: 0 } } }", {"spec.rollout.canary.replicas"}},
      {"rollout { canary { replicas { percent: 101 } promote_after_ms: 86400001 } }",
       {"spec.rollout.canary.replicas.percent", "spec.rollout.canary.promote_after_ms"}},
      {"rollout { strategy: RECREATE canary {} }", {"spec.rollout.canary"}},
      {"rollout { strategy: BLUE_GREEN canary {} }", {"spec.rollout.canary"}},
  };
  for (const auto& [text, paths] : cases) {
    CAPTURE(text);
    CHECK(bad_rollout_paths(text) == paths);
  }
}

}  // namespace cloudless::codec
