#include "actors/workload_state/transitions.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace cloudless::workload_state {
namespace {

const std::vector<Phase> kPhases{Phase::pending, Phase::assigned, Phase::preparing, Phase::starting,
                                 Phase::running, Phase::stopping, Phase::backoff,   Phase::succeeded,
                                 Phase::failed,  Phase::stopped,  Phase::lost};

TEST_CASE("moves of a replica's clock") {
  struct Case {
    Moment from, to;
    bool legal;
  };
  const std::vector<Case> cases{
      {{0, Phase::assigned}, {1, Phase::preparing}, true},
      {{0, Phase::assigned}, {0, Phase::preparing}, true},
      {{0, Phase::assigned}, {1, Phase::running}, true},  // reports between may be lost
      {{1, Phase::running}, {1, Phase::running}, true},
      {{1, Phase::running}, {1, Phase::starting}, false},
      {{1, Phase::running}, {1, Phase::backoff}, true},
      {{1, Phase::running}, {2, Phase::preparing}, true},
      {{1, Phase::backoff}, {2, Phase::preparing}, true},
      {{1, Phase::backoff}, {1, Phase::running}, false},
      {{2, Phase::preparing}, {1, Phase::running}, false},
      {{2, Phase::preparing}, {3, Phase::assigned}, false},
      {{1, Phase::running}, {1, Phase::succeeded}, true},
      {{3, Phase::running}, {0, Phase::stopped}, true},
      {{1, Phase::stopped}, {1, Phase::stopped}, false},
      {{1, Phase::stopped}, {2, Phase::running}, false},
      {{1, Phase::lost}, {1, Phase::stopped}, false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.from.attempt);
    CAPTURE(to_string(c.from.phase));
    CAPTURE(c.to.attempt);
    CAPTURE(to_string(c.to.phase));
    CHECK(is_legal(c.from, c.to) == c.legal);
  }
}

TEST_CASE("no chain of legal moves comes back to an earlier moment") {
  for (const Phase a : kPhases)
    for (const Phase b : kPhases)
      for (std::uint32_t m = 0; m < 3; ++m)
        for (std::uint32_t n = 0; n < 3; ++n) {
          const Moment from{m, a}, to{n, b};
          if (from == to) continue;
          CHECK_FALSE((is_legal(from, to) && is_legal(to, from)));
        }
}

TEST_CASE("a node may not say PENDING or LOST") {
  for (const Phase p : kPhases) CHECK(may_be_reported(p) == (p != Phase::pending && p != Phase::lost));
}

}  // namespace
}  // namespace cloudless::workload_state
