// The agent's disk, simulated: one file that is replaced atomically, in virtual time, with failures on
// demand. It outlives crashes of the agent.
#pragma once

#include <optional>
#include <random>
#include <string>

#include "actors/runtime/agent_disk.hpp"
#include "actors/runtime/simulated/post.hpp"

namespace cloudless::runtime {

class SimulatedDisk final : public AgentDisk {
 public:
  SimulatedDisk(std::uint64_t seed, Post post, Millis slowest = 10)
      : post_(std::move(post)), random_(seed), slowest_(slowest) {}

  void load(Done<std::string> done) override;
  void save(std::string bytes, Done<Nothing> done) override;

  /// The agent crashed: a save in flight happened or not, as the seed says.
  void crash();
  /// Saves fail with UNAVAILABLE (disk full) from now on, or no longer.
  void set_full(bool full) { full_ = full; }
  /// Replaces the file by other bytes; nothing removes it.
  void set_file(std::optional<std::string> bytes) { file_ = std::move(bytes); }
  const std::optional<std::string>& file() const { return file_; }

 private:
  Millis draw_delay() { return static_cast<Millis>(random_() % static_cast<std::uint64_t>(slowest_ + 1)); }

  Post post_;
  std::mt19937_64 random_;
  Millis slowest_;
  bool full_ = false;
  std::uint64_t life_ = 0;  ///< agents so far
  std::optional<std::string> file_;
  std::optional<std::string> in_flight_;
};

}  // namespace cloudless::runtime
