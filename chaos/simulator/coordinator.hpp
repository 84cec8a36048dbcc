// A coordinator that can crash at any step: all actors of the ring over a simulated disk, put together as
// services/coordinator does. A crash first closes what leads outside (disk, links, clients), then ends the
// actors; the next incarnation boots from the disk.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "actors/store/memory_engine.hpp"
#include "actors/store/simulated_disk.hpp"
#include "chaos/simulator/acknowledged.hpp"
#include "chaos/simulator/customers.hpp"
#include "chaos/simulator/stage.hpp"
#include "chaos/simulator/truth.hpp"
#include "chaos/simulator/watched_scheduler.hpp"
#include "messages/deciders.hpp"
#include "messages/node_link.hpp"
#include "messages/node_membership.hpp"
#include "messages/workload_state.hpp"

namespace cloudless::sim {

inline constexpr Millis kQuickDisk = 4;

class Coordinator {
 public:
  enum class Disk { memory, sqlite };

  Coordinator(Stage& stage, Truth& truth, Acknowledged& acknowledged, Disk disk, std::uint64_t seed);
  ~Coordinator();

  /// False: the disk does not let it start.
  bool boot();
  void crash();
  bool up() const { return alive_ != nullptr; }
  /// It cannot go on and has to be started again: its disk failed, or an actor of the ring ended.
  bool must_restart() const { return must_restart_; }

  /// What agents reach; invalid while it is down.
  door_actor door() const { return door_; }
  /// Sends a command as a gateway would; the answer is judged against Truth. `unanswered` is called when it
  /// was not carried out, as far as the client knows.
  void submit(const AnyCommand& command, std::function<void(const WorkloadCommand&)> unanswered);
  /// One more follower, from now on.
  void add_follower();
  /// Somebody who talks to the present incarnation and ends with it.
  using SpawnClient = std::function<caf::actor(const source_actor&, const workload_state_actor&,
                                               const std::shared_ptr<const bool>& alive)>;
  void add_client(const SpawnClient& spawn) {
    if (alive_) actors_.push_back(spawn(source_, workload_state_, alive_));
  }

  /// What its scheduler counts otherwise than this view. For when nothing is under way; absent: nothing.
  std::optional<std::string> scheduler_differs_from(const Snapshot& view) const;

  // What befalls the disk.
  void fill_disk(bool full);
  /// The power fails after this many more operations of the disk.
  void fail_power_after(std::uint64_t operations);
  /// At most so long takes the disk to begin a batch, and to be done with it.
  void set_slowest(Millis most) { slowest_ = most; }

 private:
  Result<std::unique_ptr<store::Engine>> open_engine();
  caf::actor spawn_gateway();
  scheduler_actor spawn_watched_scheduler();
  void watch(const caf::actor& actor, std::string name);

  Stage& stage_;
  Truth& truth_;
  Acknowledged& acknowledged_;
  const Disk kind_;
  std::shared_ptr<store::MemoryContents> memory_ = std::make_shared<store::MemoryContents>();
  store::SimulatedDisk disk_;
  Dice disk_dice_;
  Millis slowest_ = kQuickDisk;
  bool full_ = false;
  bool must_restart_ = false;

  std::shared_ptr<bool> alive_;  // of the present incarnation; null while down
  std::vector<caf::actor> actors_;
  source_actor source_;
  workload_state_actor workload_state_;
  node_membership_actor node_membership_;
  door_actor door_;
  caf::actor gateway_;
  std::shared_ptr<const WatchedScheduler::Window> scheduler_;
};

}  // namespace cloudless::sim
