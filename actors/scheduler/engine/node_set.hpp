// A set of slots as one bit each, a word per block. Few blocks touched: a short sorted list; many: a word for
// every block. So a label of half the cluster and an image on three nodes are both small and fast.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "actors/scheduler/engine/block.hpp"

namespace cloudless::scheduler::engine {

class NodeSet {
 public:
  bool test(Slot slot) const { return (word(block_of(slot)) & bit_of(slot)) != 0; }
  /// `blocks`: how many the cluster has now; decides when a list becomes words. True if that changed
  /// anything.
  bool set(Slot slot, bool on, std::uint32_t blocks);
  bool empty() const { return count_ == 0; }
  std::uint32_t size() const { return count_; }

  std::uint64_t word(std::uint32_t block) const {
    if (!dense_.empty()) return block < dense_.size() ? dense_[block] : 0;
    return sparse_.empty() ? 0 : sparse_word(block);
  }

  /// One word per block: keeps what is in this set, takes away what is in it, adds it.
  void keep_in(std::span<std::uint64_t> words) const;
  void remove_from(std::span<std::uint64_t> words) const;
  void add_to(std::span<std::uint64_t> words) const;

  /// Calls with (block, word) for each word that is not zero, in order.
  template <class Each>
  void for_each_word(Each each) const {
    for (std::uint32_t b = 0; b < dense_.size(); ++b)
      if (dense_[b] != 0) each(b, dense_[b]);
    for (const Chunk& chunk : sparse_)
      if (chunk.word != 0) each(chunk.block, chunk.word);
  }

  /// Moves every slot to where `moved` says (old slot to new; kNoSlot leaves it out).
  void move(std::span<const Slot> moved, std::uint32_t blocks);

  std::size_t bytes() const { return dense_.capacity() * 8 + sparse_.capacity() * sizeof(Chunk); }

 private:
  struct Chunk {
    std::uint32_t block;
    std::uint64_t word;
  };
  std::uint64_t sparse_word(std::uint32_t block) const;
  std::uint64_t& word_for_change(std::uint32_t block, std::uint32_t blocks);

  std::vector<Chunk> sparse_;         // sorted by block; unused once dense
  std::vector<std::uint64_t> dense_;  // empty while sparse
  std::uint32_t count_ = 0;
};

}  // namespace cloudless::scheduler::engine
