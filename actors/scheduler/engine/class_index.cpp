#include "actors/scheduler/engine/class_index.hpp"

#include <algorithm>
#include <bit>

#include "actors/scheduler/engine/eligibility.hpp"

namespace cloudless::scheduler::engine {

namespace {

/// Replaying an entry costs about a third of scanning a block.
constexpr std::uint64_t kEntriesPerBlock = 3;

/// Affinities over zones and regions are looked at in every decision; those over nodes are built in.
bool waived_on_nodes(const Affinity& affinity, const Cluster& cluster) {
  return affinity.topology == Topology::node && waived(affinity, cluster.group(affinity.group));
}

KernelRequest kernel_request(const ClassSpec& spec, const Weights& house) {
  KernelRequest request;
  request.cpu = spec.request.cpu;
  request.memory = spec.request.memory;
  request.storage = spec.request.storage;
  request.bandwidth = spec.request.bandwidth;
  request.gpu = packed_gpu(spec.request.gpus, spec.request.gpu_share);
  request.reliability = spec.weights.reliability;
  request.cost = spec.weights.cost;
  request.utilization =
      spec.request.asks_gpu() ? 0 : spec.weights.utilization;  // else the GPU term, a node's point
  request.network = spec.weights.network;
  request.house = spec.weights.reliability == house.reliability && spec.weights.cost == house.cost &&
                  spec.weights.network == house.network;
  request.base = spec.spreading ? 0 : 4000;
  request.slope = spec.spreading ? 2 : -2;
  return request;
}

}  // namespace

void ClassIndex::begin(const ClassSpec& spec, const Weights& house) {
  spec_ = &spec;
  request_ = kernel_request(spec, house);
  points_.begin(spec);
  domain_terms_ = needs_domain_terms(spec);
  census_needed_ = needs_census(spec);
  node_skew_ = has_node_skew(spec);
  node_groups_ = has_node_groups(spec);
  epoch_ = 0;
}

Best ClassIndex::best(const Cluster& cluster, const Kernel& kernel) {
  refresh(cluster, kernel);
  return select(cluster);
}

void ClassIndex::refresh(const Cluster& cluster, const Kernel& kernel) {
  const std::uint64_t behind = cluster.log().head() - seen_;
  const bool current = epoch_ == cluster.epoch() && !waivers_differ(cluster);
  if (current && behind == 0) return;
  const bool worth = behind <= kEntriesPerBlock * cluster.layout().blocks() && cluster.log().keeps(seen_);
  if (!current || !worth || !replay(cluster, kernel)) build(cluster, kernel);
  seen_ = cluster.log().head();
}

bool ClassIndex::waivers_differ(const Cluster& cluster) const {
  for (std::size_t i = 0; i < waived_.size(); ++i)
    if (waived_[i] != waived_on_nodes(spec_->affinity[i], cluster)) return true;
  return false;
}

void ClassIndex::build(const Cluster& cluster, const Kernel& kernel) {
  const Layout& layout = cluster.layout();
  const std::uint32_t blocks = layout.blocks();
  build_eligibility(cluster);
  points_.forget(blocks * kLanes);
  keys_.resize(blocks);
  if (points_.any(cluster)) {
    for (std::uint32_t b = 0; b < blocks; ++b) keys_[b] = scan_block(cluster, kernel, b);
  } else {
    kernel.scan(cluster.blocks().data(), blocks, request_, eligible_.data(), cluster.idle().data(),
                keys_.data());
  }
  segments_.resize(layout.segments().size());
  is_stale_.assign(segments_.size(), false);
  for (std::uint32_t s = 0; s < segments_.size(); ++s) scan_segment(cluster, kernel, s);
  epoch_ = cluster.epoch();
}

void ClassIndex::build_eligibility(const Cluster& cluster) {
  const std::uint32_t blocks = cluster.layout().blocks();
  eligible_.resize(blocks);
  fixed_words(*spec_, cluster, eligible_);
  if (census_needed_ || node_skew_) {
    fixed_ = eligible_;
    take_census(cluster);
  }
  waived_.clear();
  for (const Affinity& affinity : spec_->affinity) waived_.push_back(waived_on_nodes(affinity, cluster));
  if (node_groups_ || !spec_->failed.empty()) {
    std::vector<std::uint64_t> scratch(node_groups_ ? blocks : 0);
    narrow_words(*spec_, cluster, skew_, eligible_, scratch);
  }
}

void ClassIndex::take_census(const Cluster& cluster) {
  const Layout& layout = cluster.layout();
  census_.clear(layout);
  for (const Segment& segment : layout.segments()) {
    std::int32_t nodes = 0;
    for (std::uint32_t b = segment.first_block; b < segment.first_block + segment.blocks; ++b)
      nodes += std::popcount(fixed_[b]);
    census_.add(layout, segment.zone, nodes);
  }
  if (!node_skew_) return;
  skew_.clear(layout.blocks() * kLanes);
  const Group& own = cluster.group(spec_->spread.own);
  for (std::uint32_t b = 0; b < fixed_.size(); ++b) {
    for (std::uint64_t lanes = fixed_[b]; lanes != 0; lanes &= lanes - 1) {
      const Slot slot = b * kLanes + static_cast<std::uint32_t>(std::countr_zero(lanes));
      skew_.update(slot, true, own.on_node(slot));
    }
  }
}

/// A node may have become one that counts for spreading, or no longer be one.
void ClassIndex::count_fixed(const Cluster& cluster, Slot slot) {
  std::uint64_t& word = fixed_[block_of(slot)];
  const bool now = fixed_allows(*spec_, cluster, slot);
  if (now == ((word & bit_of(slot)) != 0)) return;
  word ^= bit_of(slot);
  const Layout& layout = cluster.layout();
  census_.add(layout, layout.segments()[layout.segment_of(block_of(slot))].zone, now ? 1 : -1);
}

bool ClassIndex::replay(const Cluster& cluster, const Kernel& kernel) {
  const ChangeLog& log = cluster.log();
  stale_segments_.clear();
  bool whole = true;
  for (std::uint64_t at = seen_; whole && at != log.head(); ++at)
    whole = replay_entry(cluster, log.at(at), kernel);
  for (const std::uint32_t segment : stale_segments_) {
    is_stale_[segment] = false;
    scan_segment(cluster, kernel, segment);
  }
  return whole;
}

/// False if all has to be built anew.
bool ClassIndex::replay_entry(const Cluster& cluster, ChangeLog::Entry entry, const Kernel& kernel) {
  const Slot slot = entry.slot;
  const std::uint32_t block = block_of(slot);
  if (entry.attributes && (census_needed_ || node_skew_)) count_fixed(cluster, slot);
  if (node_skew_ &&
      skew_.update(slot, (fixed_[block] & bit_of(slot)) != 0, cluster.group(spec_->spread.own).on_node(slot)))
    return false;
  if (entry.attributes || node_groups_) {
    const bool allowed = node_allows(*spec_, cluster, skew_, slot);
    eligible_[block] = allowed ? eligible_[block] | bit_of(slot) : eligible_[block] & ~bit_of(slot);
  }
  points_.forget_node(slot);
  if (!update_key(cluster, kernel, slot)) return true;
  const std::uint32_t segment = cluster.layout().segment_of(block);
  if (!is_stale_[segment]) stale_segments_.push_back(segment);
  is_stale_[segment] = true;
  return true;
}

/// True if the block's best changed. Only if it was this node and got worse does the block have to be
/// scanned.
bool ClassIndex::update_key(const Cluster& cluster, const Kernel& kernel, Slot slot) {
  const std::uint32_t block = block_of(slot);
  Key& best = keys_[block];
  Key key = kNoKey;
  if ((eligible_[block] & bit_of(slot)) != 0)
    key = lane_key(cluster.blocks()[block], lane_of(slot), request_,
                   (cluster.idle()[block] & bit_of(slot)) != 0, points_.of_node(cluster, slot));
  if (key == best) return false;
  if (key > best) {
    best = key;
    return true;
  }
  if (lane_of_key(best) != lane_of(slot)) return false;
  best = scan_block(cluster, kernel, block);
  return true;
}

Key ClassIndex::scan_block(const Cluster& cluster, const Kernel& kernel, std::uint32_t block) {
  const std::uint64_t lanes = eligible_[block];
  if (lanes == 0) return kNoKey;
  BlockPoints points;
  points_.of_block(cluster, block, lanes, points);
  if (points.any())
    return kernel.best(cluster.blocks()[block], request_, lanes, cluster.idle()[block], points);
  Key key;
  kernel.scan(&cluster.blocks()[block], 1, request_, &lanes, &cluster.idle()[block], &key);
  return key;
}

void ClassIndex::scan_segment(const Cluster& cluster, const Kernel& kernel, std::uint32_t segment) {
  const Segment& of = cluster.layout().segments()[segment];
  const std::uint32_t first = kernel.first_best(keys_.data() + of.first_block, of.blocks);
  if (first == of.blocks) {
    segments_[segment] = SegmentBest{0, kNoNode};
    return;
  }
  const Key key = keys_[of.first_block + first];
  const Slot slot = (of.first_block + first) * kLanes + lane_of_key(key);
  segments_[segment] = SegmentBest{score_of(key), cluster.layout().node_of(slot)};
}

Best ClassIndex::select(const Cluster& cluster) {
  const std::vector<Segment>& layout = cluster.layout().segments();
  const std::int32_t constant = constant_term(*spec_);
  if (domain_terms_) domain_terms(*spec_, cluster, census_, terms_);
  Best best;
  for (std::uint32_t s = 0; s < segments_.size(); ++s) {
    const SegmentBest& segment = segments_[s];
    if (segment.node == kNoNode) continue;
    std::int32_t score = segment.score;
    if (domain_terms_) {
      const DomainTerm& term = terms_[layout[s].zone];
      if (term.verdict != DomainVerdict::fits) continue;
      score += term.points;
    } else {
      score += constant;
    }
    const bool better = score > best.score || (score == best.score && segment.node < best.node);
    if (best.node == kNoNode || better) best = Best{segment.node, score};
  }
  return best;
}

std::size_t ClassIndex::bytes() const {
  return sizeof *this + (eligible_.capacity() + fixed_.capacity()) * 8 + keys_.capacity() * sizeof(Key) +
         segments_.capacity() * sizeof(SegmentBest) + skew_.bytes() + points_.bytes() +
         (census_.zones.capacity() + census_.regions.capacity()) * 4 + terms_.capacity() * sizeof(DomainTerm);
}

}  // namespace cloudless::scheduler::engine
