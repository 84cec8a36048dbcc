// Which running replicas would be much better elsewhere: rules that their nodes meet no longer first, then by
// what the score gains, within a budget. Pure; carrying it out is the rollout's (Replica::evict).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/scheduler/score.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::scheduler {

struct RebalanceOptions {
  std::string ns;             ///< only its workloads; empty: all
  std::uint32_t budget = 10;  ///< moves at most
  std::int32_t min_gain =
      20'000;  ///< a move betters the score by this much at least, unless a rule is broken
};

struct RebalanceMove {
  ReplicaId replica;
  WorkloadUid workload;
  NodeId from, to;
  ScoreTerms from_terms;           ///< as if it were placed there now
  std::vector<std::string> lacks;  ///< rules that `from` meets no longer, in words
  ScoreTerms to_terms;             ///< after the moves before it
};

struct RebalancePlan {
  std::vector<RebalanceMove> moves;
  std::uint32_t considered = 0;  ///< RUNNING replicas that may be moved
};

/// What runs to completion is not moved: it would begin anew. now: store time.
RebalancePlan plan_rebalance(const Snapshot& view, const RebalanceOptions& options, Millis now);

}  // namespace cloudless::scheduler
