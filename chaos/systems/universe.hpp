// What a run of several systems plays on: virtual time that all processes share, their order of execution by
// the dice, the connections between them, a trace whose hash stands for everything, and the first broken
// invariant.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chaos/simulator/breach.hpp"
#include "chaos/simulator/coverage.hpp"
#include "chaos/simulator/dice.hpp"
#include "chaos/simulator/hash.hpp"
#include "chaos/systems/planet.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/time.hpp"
#include "messages/node_link.hpp"

namespace cloudless::sim {

/// Two processes joined by bytes, in order and without loss, as TCP does it. Either end may see the other one
/// close.
struct Connection {
  Planet* server = nullptr;
  caf::io::connection_handle server_end;
  Planet* client = nullptr;
  caf::io::connection_handle client_end;
  bool silent = false;   ///< nothing passes, and nobody is told
  bool stalled = false;  ///< the same, for ever
};

class Universe final : public Clock {
 public:
  Universe(std::uint64_t seed, bool print_trace);

  Millis steady() const override { return now_; }
  WallMillis wall() const override { return kEpoch + now_; }

  std::shared_ptr<Planet> start_process();
  /// Ends a process without a word; the other ends of its connections see them close.
  void kill_process(const std::shared_ptr<Planet>& process);

  /// Joins the two and has the server publish its door there; answers with what the client finds.
  void connect(const std::shared_ptr<Planet>& server, const door_actor& door,
               const std::shared_ptr<Planet>& client, std::function<void(Result<door_actor>)> done);
  /// Connections of this process, to be cut or silenced.
  std::vector<Connection*> connections_of(const Planet* process);
  void cut(Connection& connection);

  /// Calls this when virtual time has reached now + delay, between two steps.
  void after(Millis delay, std::function<void()> call);
  /// One message is taken, some bytes pass, or time does.
  void step();
  std::uint64_t steps() const { return steps_; }

  Dice& dice() { return dice_; }
  Coverage& coverage() { return coverage_; }
  void note(const std::string& what);
  std::uint64_t hash() const { return hash_.value(); }
  void broken(Breach breach);
  const std::optional<Breach>& breach() const { return breach_; }

 private:
  static constexpr WallMillis kEpoch = 1'700'000'000'000;
  bool do_what_is_due();
  bool run_an_actor();
  bool run_a_broker();
  bool pass_bytes();
  void close_end(Planet& process, caf::io::connection_handle end);
  void bury();

  bool print_;
  Dice dice_;
  Millis now_ = 0;
  std::vector<std::shared_ptr<Planet>> processes_;
  std::list<Connection> connections_;
  std::int64_t last_handle_ = 0;
  std::multimap<Millis, std::function<void()>> put_off_;
  std::uint64_t steps_ = 0;
  Hash hash_;
  Coverage coverage_;
  std::optional<Breach> breach_;
};

}  // namespace cloudless::sim
