// Everything that a run consists of, wired together: coordinator, machines, customers, faults and the judges.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "chaos/simulator/acknowledged.hpp"
#include "chaos/simulator/balancers.hpp"
#include "chaos/simulator/commit_checker.hpp"
#include "chaos/simulator/coordinator.hpp"
#include "chaos/simulator/customers.hpp"
#include "chaos/simulator/machine.hpp"
#include "chaos/simulator/settled.hpp"
#include "chaos/simulator/stage.hpp"
#include "chaos/simulator/truth.hpp"
#include "chaos/simulator/turnover.hpp"

namespace cloudless::sim {

class World {
 public:
  World(std::uint64_t seed, bool print_trace, Scenario scenario);
  ~World();

  Stage& stage() { return stage_; }
  const Truth& truth() const { return truth_; }
  Coordinator& coordinator() { return coordinator_; }
  std::vector<std::unique_ptr<Machine>>& machines() { return machines_; }
  Running running() const;

  /// A command of a customer.
  void command();
  /// Opens a node that is closed to new replicas, if there is one.
  void open_a_node();
  /// The coordinator ends now and boots after so long.
  void restart_coordinator(Millis down);
  /// The coordinator ends right behind the next commit that takes this step (kSteps), and boots after so
  /// long.
  void restart_coordinator_amid(const char* step, Millis down);
  /// The agent of a machine ends now and starts after so long.
  void restart_agent(Machine& machine, Millis down);
  /// To be called after every step: restarts what has to be, and looks at the machines.
  void after_step();
  /// No more faults: everything is started and every cable whole; but now and then one machine is gone for
  /// good.
  void heal();
  /// Writes that customers were told of.
  std::size_t acknowledged() const { return acknowledged_.size(); }
  /// Commits so far that did more than note how fast a link is, which is measured for ever.
  std::uint64_t moves() const { return moves_; }
  /// Machines that will not come back.
  const std::set<NodeId>& gone() const { return gone_; }

 private:
  void on_commit(const Snapshot& before, const Commit& commit, const Snapshot& after);
  void submit(const AnyCommand& command);
  void meddle(const Commit& commit);
  void strike(const Snapshot& before, const Commit& commit);
  void boot();
  void lose(Machine& machine);
  void look_at_containers();
  void look_at_images();
  void look_at_ready(const Snapshot& before, const Commit& commit, const Snapshot& after);

  Stage stage_;
  Truth truth_;
  CommitChecker checker_;
  Turnover turnover_;
  Acknowledged acknowledged_;
  Customers customers_;
  Coordinator coordinator_;
  Balancers balancers_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::set<NodeId> gone_;
  bool boots_later_ = false;
  bool peace_ = false;
  const char* strike_amid_ = nullptr;
  Millis down_after_strike_ = 0;
  std::uint64_t starts_ = 0;
  std::uint64_t moves_ = 0;
};

}  // namespace cloudless::sim
