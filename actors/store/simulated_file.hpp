// One file of a simulated disk: what has reached the platter, what the running system sees, and the writes
// between the two. A pure core of simulated_disk.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace cloudless::store {

class SimulatedFile {
 public:
  /// What a reader sees now.
  const std::string& contents() const { return visible_; }
  /// Its name survives a crash for sure.
  bool is_linked() const { return linked_; }

  void write(std::size_t offset, std::string_view data);
  void truncate(std::size_t size);
  void sync();

  /// The power fails and returns: the contents are what was synced, and of the later writes what the dice
  /// keep.
  void crash(std::mt19937_64& dice);

 private:
  struct Write {
    std::size_t offset = 0;
    std::string data;
    bool truncates = false;  // to offset
  };
  enum class Loss { nothing, a_tail, any_piece };
  static void apply(std::string& contents, const Write& write);
  void keep_pieces_of(const Write& write, std::mt19937_64& dice);

  std::string durable_;
  std::string visible_;
  std::vector<Write> unsynced_;
  bool linked_ = false;
};

}  // namespace cloudless::store
