// A network for the simulator: stands between an agent's link and a coordinator's door in one actor system,
// and loses, delays, repeats and reorders frames as a seed says. One per agent. Deterministic on CAF's test
// scheduler; not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "actors/node_link/dial_port.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::node_link {

/// Rates in parts per million of frames, each direction alike.
struct WireFaults {
  std::uint32_t lost_ppm = 0;
  std::uint32_t repeated_ppm = 0;
  std::uint32_t delayed_ppm = 0;  ///< later frames overtake a delayed one
  Millis longest_delay = 0;
};

class SimulatedWire final : public DialPort {
 public:
  struct Counts {
    std::uint64_t dialed = 0;
    std::uint64_t carried = 0;
    std::uint64_t lost = 0;
    std::uint64_t repeated = 0;
    std::uint64_t delayed = 0;
    std::uint64_t cuts = 0;
  };

  SimulatedWire(caf::actor_system& system, std::uint64_t seed);
  ~SimulatedWire() override;

  /// Where dialing leads: the door of the coordinator that runs now; an invalid handle while there is none.
  void set_door(door_actor door);
  void set_faults(WireFaults faults);
  /// A cable pulled: while it is silent nothing passes, nobody is told, and dialing fails.
  void set_silent(bool silent);
  /// Ends the present connection so that both sides notice. Dialing works.
  void cut();

  Counts counts() const;
  void dial(std::function<void(Result<door_actor>)> done) override;

  struct State;

 private:
  caf::actor_system& system_;
  std::shared_ptr<State> state_;
};

}  // namespace cloudless::node_link
