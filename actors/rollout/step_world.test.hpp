// A small model of everything around step(): people, nodes, agents and an owner that judges each item by its
// own count. Used by the property test; its laws throw Breach.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "actors/rollout/step.hpp"

namespace cloudless::rollout::test {

struct Breach : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// How the replicas of a version behave.
enum class Nature : std::uint8_t { good, slow, never_ready, breaks };

class StepWorld {
 public:
  explicit StepWorld(std::uint64_t seed);

  /// Something happens that nobody planned, or somebody asks for something.
  void event();
  /// One step; carried out up to a random item if the owner dies in between.
  void plan(bool whole);
  /// Everything works again and nobody asks for anything any more.
  void calm_down();
  /// Nothing is left to do; false if the world has not come to rest within the bound.
  bool settle();
  void check_settled() const;
  std::uint64_t steps() const { return steps_; }
  RolloutFact rollout() const { return *view_.rollout; }
  std::string describe() const;

 private:
  struct Machine {
    NodeStanding standing = NodeStanding::ready;
    bool drained = false;
    Millis tainted_from = 0;  // its replicas have to leave from then on; 0: they may stay
  };
  /// The last version that somebody asks for, when it has calmed down.
  enum class Asked : std::uint8_t { nothing, good, bad };
  struct VersionInfo {
    Nature nature = Nature::good;
    bool proven = false;
  };

  std::uint64_t pick(std::uint64_t n);
  bool one_in(std::uint64_t n) { return pick(n) == 0; }
  IntOrPercent amount();
  void choose_policy();
  void make_version();
  void begin(std::uint64_t to, RolloutCause cause);
  void serve_at_begin();
  void bound();
  void refresh();
  void prune();

  void people();
  void ask_to_move();
  void machines();
  Move move_at(int where) const;
  bool agents(bool steady);
  bool agent(std::size_t i, bool steady);
  bool run(ReplicaFact& r, bool steady);
  void place(std::size_t i);

  bool counts(const ReplicaFact& r, std::uint64_t serving) const;
  std::uint32_t available() const;
  bool alive(const ReplicaFact& r) const {
    return !is_terminal(r.phase) && !r.leaving && r.node != NodeStanding::lost;
  }
  bool moves(const ReplicaFact& r) const { return r.move.is_due(now_); }
  std::int64_t filled() const;

  void judge(const Step& step, std::size_t items);
  void check_starts(const Step& step) const;
  bool batch_may_begin() const;
  void check_sets(const Step& step) const;
  void check_batch(const Step& step, std::int64_t started) const;
  void check_stops(const Step& step) const;
  void check_end(const Step& step) const;
  void add(const Start& start);
  void stop(const Stop& stop);
  void switch_to(std::uint64_t version);
  void end(const Verdict& verdict);
  void require(bool holds, const char* law) const {
    if (!holds) throw Breach(std::string(law) + "\n" + describe());
  }

  std::uint64_t random_;
  WorkloadView view_;
  std::vector<int> where_;  // of view_.facts: index of its machine, -1: none
  std::vector<Machine> machines_;
  std::vector<VersionInfo> versions_;  // by number
  std::uint64_t next_ordinal_ = 0;
  Millis now_ = 1000;
  std::optional<Millis> wake_;
  std::uint64_t steps_ = 0;
  Asked asked_ = Asked::nothing;
  std::uint64_t way_back_ = 0;  // where a bad last version goes back to; 0: nowhere
};

}  // namespace cloudless::rollout::test
