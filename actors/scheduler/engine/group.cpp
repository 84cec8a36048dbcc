#include "actors/scheduler/engine/group.hpp"

namespace cloudless::scheduler::engine {

void Group::count_domains(const Place& place, std::int32_t replicas) {
  if (zones_.size() <= place.zone) zones_.resize(place.zone + 1, 0);
  if (regions_.size() <= place.region) regions_.resize(place.region + 1, 0);
  zones_[place.zone] += static_cast<std::uint32_t>(replicas);
  regions_[place.region] += static_cast<std::uint32_t>(replicas);
  total_ += static_cast<std::uint32_t>(replicas);
}

void Group::add(const Place& place, std::uint32_t blocks) {
  count_domains(place, 1);
  for (std::size_t i = 0;; ++i) {
    if (i == digits_.size()) digits_.emplace_back();
    const bool carry = digits_[i].test(place.slot);
    digits_[i].set(place.slot, !carry, blocks);
    if (!carry) return;
  }
}

void Group::remove(const Place& place, std::uint32_t blocks) {
  if (!any_on(place.slot)) return;
  count_domains(place, -1);
  for (NodeSet& digit : digits_) {
    const bool borrow = !digit.test(place.slot);
    digit.set(place.slot, borrow, blocks);
    if (!borrow) return;
  }
}

std::uint32_t Group::on_node(Slot slot) const {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < digits_.size(); ++i)
    count |= static_cast<std::uint32_t>(digits_[i].test(slot)) << i;
  return count;
}

bool Group::any_on(Slot slot) const {
  return (word(block_of(slot)) & bit_of(slot)) != 0;
}

std::uint64_t Group::word(std::uint32_t block) const {
  std::uint64_t any = 0;
  for (const NodeSet& digit : digits_) any |= digit.word(block);
  return any;
}

std::size_t Group::bytes() const {
  std::size_t sum = digits_.capacity() * sizeof(NodeSet) + (zones_.capacity() + regions_.capacity()) * 4;
  for (const NodeSet& digit : digits_) sum += digit.bytes();
  return sum;
}

}  // namespace cloudless::scheduler::engine
