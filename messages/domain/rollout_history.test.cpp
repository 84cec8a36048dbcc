#include "messages/domain/rollout_history.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <utility>
#include <vector>

namespace cloudless {
namespace {

struct Past {
  RolloutState state;
  std::uint64_t to;
};

std::uint64_t good_version(std::uint64_t current, const std::vector<std::pair<std::uint64_t, bool>>& versions,
                           const std::vector<Past>& rollouts) {
  Workload workload;
  workload.uid = WorkloadUid{"0123456789"};
  workload.version = current;
  Snapshot view;
  for (const auto& [number, proven] : versions) {
    Version version;
    version.workload = workload.uid;
    version.number = number;
    version.proven = proven;
    view.apply(put(std::make_shared<const Version>(version)));
  }
  std::uint64_t number = 0;
  for (const auto& past : rollouts) {
    Rollout rollout;
    rollout.workload = workload.uid;
    rollout.number = ++number;
    rollout.state = past.state;
    rollout.to_version = past.to;
    view.apply(put(std::make_shared<const Rollout>(rollout)));
  }
  return last_good_version(view, workload);
}

}  // namespace

TEST_CASE("the way back leads to the version that was fully ready last, not to the highest number") {
  constexpr auto kDone = RolloutState::completed;
  constexpr auto kFailed = RolloutState::failed;
  CHECK(good_version(1, {{1, true}}, {{kDone, 1}}) == 0);
  CHECK(good_version(2, {{1, true}, {2, false}}, {{kDone, 1}, {RolloutState::active, 2}}) == 1);
  CHECK(good_version(2, {{1, false}, {2, false}}, {{kFailed, 1}, {kFailed, 2}}) == 0);
  // 1, then 2, back to 1, then 3.
  CHECK(good_version(3, {{1, true}, {2, true}, {3, false}},
                     {{kDone, 1}, {kDone, 2}, {kDone, 1}, {RolloutState::active, 3}}) == 1);
  // Its record is forgotten, or its rollouts are.
  CHECK(good_version(3, {{1, true}, {3, false}}, {{kDone, 1}, {kDone, 2}}) == 1);
  CHECK(good_version(3, {{1, true}, {2, true}, {3, true}}, {}) == 2);
}

}  // namespace cloudless
