// The scores of all nodes for one class, kept up to date: which nodes are eligible, the best key of each
// block, the best node of each segment. A decision replays what changed since the last one, usually a node or
// two, and then looks at the segments. What it answers is what a look at every node would have answered.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/scheduler/engine/cluster.hpp"
#include "actors/scheduler/engine/domain_terms.hpp"
#include "actors/scheduler/engine/kernel.hpp"
#include "actors/scheduler/engine/node_points.hpp"
#include "actors/scheduler/engine/node_skew.hpp"

namespace cloudless::scheduler::engine {

/// A node and its whole score; kNoNode if none will do.
struct Best {
  NodeIndex node = kNoNode;
  std::int32_t score = 0;
  bool operator==(const Best&) const = default;
};

class ClassIndex {
 public:
  /// For this class from now on; the spec must stay. `house` are the cluster's. Storage of the class before
  /// is used again.
  void begin(const ClassSpec& spec, const Weights& house);

  /// The cluster must be settled.
  Best best(const Cluster& cluster, const Kernel& kernel);

  /// Up to date after best() only.
  const DomainCensus& census() const { return census_; }
  const NodeSkew& skew() const { return skew_; }

  std::size_t bytes() const;

 private:
  struct SegmentBest {
    std::int32_t score;
    NodeIndex node;  // kNoNode: none fits
  };
  void refresh(const Cluster& cluster, const Kernel& kernel);
  void build(const Cluster& cluster, const Kernel& kernel);
  void build_eligibility(const Cluster& cluster);
  void take_census(const Cluster& cluster);
  void count_fixed(const Cluster& cluster, Slot slot);
  bool replay(const Cluster& cluster, const Kernel& kernel);
  bool replay_entry(const Cluster& cluster, ChangeLog::Entry entry, const Kernel& kernel);
  bool update_key(const Cluster& cluster, const Kernel& kernel, Slot slot);
  Key scan_block(const Cluster& cluster, const Kernel& kernel, std::uint32_t block);
  void scan_segment(const Cluster& cluster, const Kernel& kernel, std::uint32_t segment);
  bool waivers_differ(const Cluster& cluster) const;
  Best select(const Cluster& cluster);

  const ClassSpec* spec_ = nullptr;
  KernelRequest request_;
  NodePoints points_;
  bool domain_terms_ = false, census_needed_ = false, node_skew_ = false, node_groups_ = false;

  std::uint32_t epoch_ = 0;  // of the cluster at the last build; 0: never built
  std::uint64_t seen_ = 0;   // position in the log
  std::vector<std::uint64_t> eligible_, fixed_;
  std::vector<Key> keys_;
  std::vector<SegmentBest> segments_;
  std::vector<std::uint32_t> stale_segments_;  // during a replay
  std::vector<bool> is_stale_;
  std::vector<bool> waived_;  // per affinity, as of the last build
  DomainCensus census_;
  NodeSkew skew_;
  std::vector<DomainTerm> terms_;
};

}  // namespace cloudless::scheduler::engine
