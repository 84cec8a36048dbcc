// Which slots changed, in order: what a class index has not seen yet it replays from here. Only the last
// 16,384 are kept; who is further behind builds anew, which is cheaper by then.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/scheduler/engine/block.hpp"

namespace cloudless::scheduler::engine {

class ChangeLog {
 public:
  struct Entry {
    Slot slot;
    bool attributes;  ///< not only room and groups changed
  };

  void add(Slot slot, bool attributes) { ring_[head_++ % kKept] = slot | (attributes ? kAttributes : 0); }
  std::uint64_t head() const { return head_; }
  Entry at(std::uint64_t position) const {
    const std::uint32_t entry = ring_[position % kKept];
    return {entry & ~kAttributes, (entry & kAttributes) != 0};
  }
  bool keeps(std::uint64_t position) const { return head_ - position <= kKept; }

 private:
  static constexpr std::uint64_t kKept = 16'384;
  static constexpr std::uint32_t kAttributes = 0x8000'0000;
  std::vector<std::uint32_t> ring_ = std::vector<std::uint32_t>(kKept);
  std::uint64_t head_ = 0;
};

}  // namespace cloudless::scheduler::engine
