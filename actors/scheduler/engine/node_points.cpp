#include "actors/scheduler/engine/node_points.hpp"

#include <algorithm>
#include <bit>

namespace cloudless::scheduler::engine {

namespace {

constexpr std::int32_t kImageThere = 300;
constexpr std::int32_t kPerOwnReplica = -100'000;
constexpr std::uint32_t kMostOwnReplicas = 10;
constexpr std::int16_t kUnknown = -1;

/// Lanes that hold ten or more.
std::uint64_t at_least_ten(const std::vector<NodeSet>& digits, std::uint32_t block) {
  std::uint64_t ten = 0;
  if (digits.size() >= 4) ten = digits[3].word(block) & (digits[2].word(block) | digits[1].word(block));
  for (std::size_t i = 4; i < digits.size(); ++i) ten |= digits[i].word(block);
  return ten;
}

}  // namespace

void NodePoints::begin(const ClassSpec& spec) {
  spec_ = &spec;
  utilization_ = spec.weights.utilization;
  wishes_ = spec.wishes;
  for (const AttributeId image : spec.image)
    wishes_.push_back(Wish{image, kImageThere * spec.weights.locality});
  preferences_.clear();
  for (const Preference& preference : spec.preferences)
    if (preference.topology == Topology::node) preferences_.push_back(preference);
  gpu_terms_.clear();
}

void NodePoints::forget(std::uint32_t slots) {
  if (spec_->request.asks_gpu()) gpu_terms_.assign(slots, kUnknown);
}

void NodePoints::forget_node(Slot slot) {
  if (!gpu_terms_.empty()) gpu_terms_[slot] = kUnknown;
}

bool NodePoints::any(const Cluster& cluster) const {
  const auto wished = [&](const Wish& wish) { return !cluster.attribute(wish.attribute).empty(); };
  const auto held = [&](const Preference& wish) { return cluster.group(wish.group).total() > 0; };
  return spec_->request.asks_gpu() || std::ranges::any_of(wishes_, wished) ||
         (spec_->spread.over_nodes && cluster.group(spec_->spread.own).total() > 0) ||
         std::ranges::any_of(preferences_, held);
}

void NodePoints::of_block(const Cluster& cluster, std::uint32_t block, std::uint64_t lanes,
                          BlockPoints& points) {
  const auto add = [&](std::uint64_t word, std::int32_t amount) {
    if ((word & lanes) != 0) points.add(word, amount);
  };
  for (const Wish& wish : wishes_) add(cluster.attribute(wish.attribute).word(block), wish.points);
  if (spec_->spread.over_nodes) {
    const std::vector<NodeSet>& digits = cluster.group(spec_->spread.own).digits();
    const std::uint64_t ten = at_least_ten(digits, block);
    for (std::size_t i = 0; i < std::min<std::size_t>(digits.size(), 4); ++i)
      add(digits[i].word(block) & ~ten, kPerOwnReplica * (1 << i));
    add(ten, kPerOwnReplica * static_cast<std::int32_t>(kMostOwnReplicas));
  }
  for (const Preference& wish : preferences_) add(cluster.group(wish.group).word(block), wish.points);
  if (!spec_->request.asks_gpu()) return;
  points.clear_own();
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::uint32_t>(std::countr_zero(lanes));
    points.own[lane] += gpu_points(cluster, block * kLanes + lane);
  }
}

std::int32_t NodePoints::of_node(const Cluster& cluster, Slot slot) {
  std::int32_t sum = 0;
  for (const Wish& wish : wishes_)
    if (cluster.attribute(wish.attribute).test(slot)) sum += wish.points;
  if (spec_->spread.over_nodes) {
    const std::uint32_t own = std::min(cluster.group(spec_->spread.own).on_node(slot), kMostOwnReplicas);
    sum += kPerOwnReplica * static_cast<std::int32_t>(own);
  }
  for (const Preference& wish : preferences_)
    if (cluster.group(wish.group).any_on(slot)) sum += wish.points;
  return spec_->request.asks_gpu() ? sum + gpu_points(cluster, slot) : sum;
}

std::int32_t NodePoints::gpu_points(const Cluster& cluster, Slot slot) {
  std::int16_t& term = gpu_terms_[slot];
  if (term == kUnknown) {
    const Block& block = cluster.blocks()[block_of(slot)];
    const Amounts& request = spec_->request;
    const bool fits = block.gpu[lane_of(slot)] >= packed_gpu(request.gpus, request.gpu_share);
    term = fits ? static_cast<std::int16_t>(
                      fragmentation_term(cluster.gpus_at(slot), block.cpu[lane_of(slot)], request))
                : std::int16_t{0};
  }
  return utilization_ * term;
}

std::size_t NodePoints::bytes() const {
  return wishes_.capacity() * sizeof(Wish) + preferences_.capacity() * sizeof(Preference) +
         gpu_terms_.capacity() * 2;
}

}  // namespace cloudless::scheduler::engine
