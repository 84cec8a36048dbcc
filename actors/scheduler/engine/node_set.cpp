#include "actors/scheduler/engine/node_set.hpp"

#include <algorithm>
#include <bit>

namespace cloudless::scheduler::engine {

std::uint64_t NodeSet::sparse_word(std::uint32_t block) const {
  const auto at = std::ranges::lower_bound(sparse_, block, {}, &Chunk::block);
  return at != sparse_.end() && at->block == block ? at->word : 0;
}

std::uint64_t& NodeSet::word_for_change(std::uint32_t block, std::uint32_t blocks) {
  if (dense_.empty()) {
    auto at = std::ranges::lower_bound(sparse_, block, {}, &Chunk::block);
    if (at != sparse_.end() && at->block == block) return at->word;
    // A list entry is twice a word, and is searched for: from a quarter of the blocks on words are better.
    if (sparse_.size() < std::max<std::size_t>(2, blocks / 4))
      return sparse_.insert(at, Chunk{block, 0})->word;
    dense_.assign(std::max(blocks, block + 1), 0);
    for (const Chunk& chunk : sparse_) {
      if (chunk.block >= dense_.size()) dense_.resize(chunk.block + 1, 0);
      dense_[chunk.block] = chunk.word;
    }
    std::vector<Chunk>().swap(sparse_);
  }
  if (block >= dense_.size()) dense_.resize(std::max(blocks, block + 1), 0);
  return dense_[block];
}

bool NodeSet::set(Slot slot, bool on, std::uint32_t blocks) {
  if (test(slot) == on) return false;
  word_for_change(block_of(slot), blocks) ^= bit_of(slot);
  if (on) {
    ++count_;
  } else if (--count_ == 0) {
    sparse_.clear();
    dense_.clear();
  }
  return true;
}

void NodeSet::keep_in(std::span<std::uint64_t> words) const {
  if (!dense_.empty()) {
    const std::size_t both = std::min(words.size(), dense_.size());
    for (std::size_t b = 0; b < both; ++b) words[b] &= dense_[b];
    std::fill(words.begin() + static_cast<std::ptrdiff_t>(both), words.end(), 0);
    return;
  }
  std::size_t next = 0;
  for (const Chunk& chunk : sparse_) {
    while (next < chunk.block) words[next++] = 0;
    words[next++] &= chunk.word;
  }
  while (next < words.size()) words[next++] = 0;
}

void NodeSet::remove_from(std::span<std::uint64_t> words) const {
  const std::size_t both = std::min(words.size(), dense_.size());
  for (std::size_t b = 0; b < both; ++b) words[b] &= ~dense_[b];
  for (const Chunk& chunk : sparse_) words[chunk.block] &= ~chunk.word;
}

void NodeSet::add_to(std::span<std::uint64_t> words) const {
  const std::size_t both = std::min(words.size(), dense_.size());
  for (std::size_t b = 0; b < both; ++b) words[b] |= dense_[b];
  for (const Chunk& chunk : sparse_) words[chunk.block] |= chunk.word;
}

void NodeSet::move(std::span<const Slot> moved, std::uint32_t blocks) {
  NodeSet after;
  for_each_word([&](std::uint32_t block, std::uint64_t word) {
    for (; word != 0; word &= word - 1) {
      const Slot to = moved[block * kLanes + static_cast<std::uint32_t>(std::countr_zero(word))];
      if (to != kNoSlot) after.set(to, true, blocks);
    }
  });
  *this = std::move(after);
}

}  // namespace cloudless::scheduler::engine
