// The people: a seeded stream of commands, chosen by what exists, with healthy and broken workloads, stale
// revisions and repeated idempotency keys. Pure but for its dice.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "chaos/simulator/dice.hpp"
#include "chaos/simulator/scenario.hpp"
#include "messages/domain/command.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::sim {

using AnyCommand = std::variant<WorkloadCommand, NodeCommand>;

class Customers {
 public:
  explicit Customers(std::uint64_t seed, Scenario scenario = Scenario::mixed)
      : dice_(seed), scenario_(scenario) {}
  /// The next command, seeing this state (of which it may be late).
  AnyCommand next(const Snapshot& view);
  /// Closes a node or opens one; a few are open at any time.
  NodeCommand on_node(const Snapshot& view);
  /// Opens one that is closed to new replicas; absent if none is.
  std::optional<NodeCommand> open_node(const Snapshot& view);
  /// It was not answered, or not well: some are sent again under the same key.
  void unanswered(const WorkloadCommand& command);

 private:
  WorkloadCommand wrap(decltype(WorkloadCommand::action) action, std::string method);
  WorkloadCommand on_workload(const Snapshot& view);
  WorkloadCommand on_rollout(const Workload& present, Revision expected);
  /// Some of its replicas are to move, whatever state they are in.
  WorkloadCommand move(const Snapshot& view, const Workload& present);
  bool most_are_rollouts() const { return scenario_ != Scenario::mixed; }
  WorkloadSpec new_spec();
  void set_pace(RolloutPolicy& policy);
  /// Where nodes are lost, most workloads can do without none of their replicas: each stop relies on every
  /// other one.
  void need_all(WorkloadSpec& spec);
  Template new_template();
  void add_probes(Template& pod);
  void change(WorkloadSpec& spec);

  Dice dice_;
  Scenario scenario_;
  std::uint64_t next_key_ = 0;
  std::uint64_t next_image_ = 0;
  std::deque<WorkloadCommand> repeats_;
};

/// Its containers start, run and become ready (see actors/runtime/simulated/behaviour.hpp).
bool is_healthy(const Template& pod);

}  // namespace cloudless::sim
