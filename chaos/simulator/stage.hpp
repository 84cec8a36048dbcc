// What a run plays on: one CAF system on its deterministic scheduler, virtual time, a trace whose hash stands
// for everything that happened, and the first broken invariant. All parts of a run share it.
#pragma once

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "chaos/simulator/breach.hpp"
#include "chaos/simulator/coverage.hpp"
#include "chaos/simulator/dice.hpp"
#include "chaos/simulator/hash.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::sim {

class Stage final : public Clock {
 public:
  Stage(std::uint64_t seed, bool print_trace);
  ~Stage() override;

  caf::actor_system& system() { return *system_; }
  Millis steady() const override;
  WallMillis wall() const override { return kEpoch + steady() + wall_offset_; }
  /// The wall clock jumps; steady time does not.
  void jump_wall(Millis by) { wall_offset_ += by; }

  /// Calls this when virtual time has reached now + delay, between two steps.
  void after(Millis delay, std::function<void()> call);

  /// One message is taken by one actor, chosen by the dice; or time passes; or something that was put off is
  /// done.
  void step();
  /// Lets all that is runnable run, without time passing; at most `limit` messages.
  void drain(std::size_t limit);
  /// Messages taken so far.
  std::uint64_t steps() const { return steps_; }

  Dice& dice() { return dice_; }
  Coverage& coverage() { return coverage_; }
  /// Something happened: part of the trace.
  void note(const std::string& what);
  std::uint64_t hash() const { return hash_.value(); }

  void broken(Breach breach);
  const std::optional<Breach>& breach() const { return breach_; }

 private:
  static constexpr WallMillis kEpoch = 1'700'000'000'000;
  void run_one(std::size_t index);
  bool do_what_is_due();

  bool print_;
  Dice dice_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
  std::multimap<Millis, std::function<void()>> put_off_;
  WallMillis wall_offset_ = 0;
  std::uint64_t steps_ = 0;
  Hash hash_;
  Coverage coverage_;
  std::optional<Breach> breach_;
};

}  // namespace cloudless::sim
