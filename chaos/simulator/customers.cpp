#include "chaos/simulator/customers.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "chaos/simulator/hash.hpp"
#include "chaos/simulator/rules.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::sim {
namespace {

constexpr std::uint64_t kNames = 5;
constexpr std::uint64_t kNamesOfRollouts = 3;
constexpr std::uint64_t kMaxReplicas = 4;

}  // namespace

bool is_healthy(const Template& pod) {
  if (pod.image.find("missing") != std::string::npos || pod.image.find("unreachable") != std::string::npos)
    return false;
  return std::none_of(pod.args.begin(), pod.args.end(), [](const std::string& a) {
    return a.starts_with("exit=") || a.starts_with("sick-after=") || a == "broken";
  });
}

AnyCommand Customers::next(const Snapshot& view) {
  if (!repeats_.empty() && dice_.once_in(3)) {
    auto again = repeats_.front();
    repeats_.pop_front();
    return again;
  }
  if (dice_.once_in(8) && !view.nodes().empty()) return on_node(view);
  auto command = on_workload(view);
  if (dice_.once_in(10)) repeats_.push_back(command);
  return command;
}

void Customers::unanswered(const WorkloadCommand& command) {
  if (dice_.once_in(2) && repeats_.size() < 8) repeats_.push_back(command);
}

WorkloadCommand Customers::wrap(decltype(WorkloadCommand::action) action, std::string method) {
  WorkloadCommand command;
  command.action = std::move(action);
  command.context = {"somebody", std::move(method), "default", {}, {}};
  Hash hash;
  hash.add(codec::encode(command));
  command.context.request_hash = std::to_string(hash.value());
  if (dice_.once_in(2)) command.context.idempotency_key = "key-" + std::to_string(++next_key_);
  return command;
}

WorkloadCommand Customers::on_workload(const Snapshot& view) {
  const std::string name = "w" + std::to_string(dice_.below(most_are_rollouts() ? kNamesOfRollouts : kNames));
  const auto present = view.workload("default", name);
  if (!present) return wrap(CreateWorkload{"default", name, new_spec()}, "CreateWorkload");
  // Now and then with the revision that was seen: by the time it arrives it may be an old one.
  const Revision expected = dice_.once_in(3) ? present->revision : 0;
  if (dice_.once_in(10)) return move(view, *present);
  if (dice_.once_in(most_are_rollouts() ? 3 : 8)) return on_rollout(*present, expected);
  switch (dice_.below(most_are_rollouts() ? 20 : 10)) {
    case 0:
      return wrap(DeleteWorkload{"default", name, expected}, "DeleteWorkload");
    case 1:
      return wrap(CreateWorkload{"default", name, new_spec()}, "CreateWorkload");
    case 2:
    case 3:
    case 4:
      return wrap(
          ScaleWorkload{"default", name, static_cast<std::uint32_t>(dice_.below(kMaxReplicas + 1)), expected},
          "ScaleWorkload");
    default:
      break;
  }
  UpdateWorkload update{"default", name, present->spec, dice_.once_in(4), expected};
  change(update.spec);
  return wrap(std::move(update), "UpdateWorkload");
}

WorkloadCommand Customers::on_rollout(const Workload& present, Revision expected) {
  constexpr std::array kActions{RolloutAction::pause,   RolloutAction::resume,  RolloutAction::resume,
                                RolloutAction::promote, RolloutAction::promote, RolloutAction::abort,
                                RolloutAction::undo,    RolloutAction::restart};
  ControlRollout control{"default", present.name, dice_.pick(kActions), 0, expected};
  if (control.action == RolloutAction::undo && dice_.once_in(2))
    control.to_version = 1 + dice_.below(present.latest_version + 1);
  return wrap(std::move(control), "ControlRollout");
}

WorkloadCommand Customers::move(const Snapshot& view, const Workload& present) {
  MoveReplicas move{"default", present.name, {}};
  for (const auto& r : view.replicas_of(present.uid))
    if (move.replicas.empty() || dice_.once_in(2)) move.replicas.push_back(r->id);
  if (move.replicas.empty()) move.replicas.push_back(replica_id(present.name, present.uid, 0));
  return wrap(std::move(move), "MoveWorkload");
}

std::optional<NodeCommand> Customers::open_node(const Snapshot& view) {
  std::optional<NodeCommand> command;
  view.nodes().for_each([&](const NodeId& id, const std::shared_ptr<const Node>& node) {
    if (node->cordoned || node->draining)
      command = NodeCommand{{"somebody", "CordonNode", "", {}, {}}, CordonNode{id, false, 0}};
    else if (!node->taints.empty())
      command = NodeCommand{{"somebody", "UpdateNode", "", {}, {}},
                            UpdateNode{id, {}, {}, {}, {kBusy, kBroken}, 0}};
  });
  return command;
}

NodeCommand Customers::on_node(const Snapshot& view) {
  std::vector<std::shared_ptr<const Node>> nodes;
  std::size_t closed = 0;
  view.nodes().for_each([&](const NodeId&, const std::shared_ptr<const Node>& n) {
    nodes.push_back(n);
    closed += n->cordoned || n->draining || !n->taints.empty() ? 1 : 0;
  });
  if (closed > 1) return *open_node(view);
  const auto& node = dice_.pick(nodes);
  const NodeId& id = node->description.id;
  switch (dice_.below(7)) {
    case 5:
    case 6: {
      UpdateNode taint{id, {}, {}, {{kBroken, "yes", TaintEffect::no_execute}}, {}, 0};
      return {{"somebody", "UpdateNode", "", {}, {}}, std::move(taint)};
    }
    case 4:
      return {{"somebody", "DrainNode", "", {}, {}}, DrainNode{id, dice_.once_in(3) ? node->revision : 0}};
    case 0: {
      UpdateNode taint{id, {}, {}, {{kBusy, "yes", TaintEffect::no_schedule}}, {}, 0};
      return {{"somebody", "UpdateNode", "", {}, {}}, std::move(taint)};
    }
    case 1: {
      UpdateNode label{id, {{"colour", dice_.once_in(2) ? "red" : "green"}}, {}, {}, {}, 0};
      return {{"somebody", "UpdateNode", "", {}, {}}, std::move(label)};
    }
    default:
      return {{"somebody", "CordonNode", "", {}, {}},
              CordonNode{id, !node->cordoned && !node->draining, dice_.once_in(3) ? node->revision : 0}};
  }
}

Template Customers::new_template() {
  Template pod;
  pod.image = "registry.local/app:v" + std::to_string(++next_image_);
  pod.requests = Resources{dice_.between(1, 4) * 50, dice_.between(1, 4) * (16 << 20), 0, 0, 0};
  pod.restart.backoff = {100, 1000, 5000};
  pod.termination_grace = dice_.between(1, 10) * 100;
  if (most_are_rollouts() && dice_.once_in(2)) pod.termination_grace *= 15;
  if (dice_.once_in(3)) pod.pull_policy = ImagePullPolicy::always;
  if (dice_.once_in(4)) pod.args.push_back("term=" + std::to_string(dice_.between(10, 2000)));
  if (dice_.once_in(8)) pod.args.push_back("ignore-term");
  if (scenario_ != Scenario::loss) add_rules(dice_, pod);
  if (dice_.once_in(4)) pod.args.push_back("slow-start=" + std::to_string(dice_.between(10, 1500)));
  if (scenario_ == Scenario::loss) return pod;  // nodes alone are what goes wrong
  if (dice_.once_in(2)) add_probes(pod);
  switch (dice_.below(14)) {
    case 0:
      pod.image = "registry.local/missing:v" + std::to_string(next_image_);
      break;
    case 1:
      pod.args.push_back("broken");
      break;
    case 2:
      pod.args.push_back("exit=1");
      pod.args.push_back("after=" + std::to_string(dice_.between(0, 1500)));
      break;
    case 3:
    case 4:
      pod.args.push_back(dice_.once_in(2) ? "exit=0" : "exit=3");
      pod.args.push_back("after=" + std::to_string(dice_.between(0, 3000)));
      pod.restart.mode = dice_.once_in(2) ? RestartMode::never : RestartMode::on_failure;
      pod.restart.max_retries = 2;
      break;
    default:
      break;
  }
  return pod;
}

/// Containers that are ready late, flap for a while, or fall ill.
void Customers::add_probes(Template& pod) {
  Probe probe;
  probe.period = dice_.between(1, 8) * 100;
  probe.timeout = 100;
  probe.failure_threshold = static_cast<std::uint32_t>(dice_.between(1, 3));
  probe.check = HttpCheck{false, 80, "/ready", {}};
  pod.readiness = probe;
  if (dice_.once_in(3)) pod.args.push_back("ready-after=" + std::to_string(dice_.between(0, 1500)));
  if (dice_.once_in(3)) pod.args.push_back("flap=" + std::to_string(dice_.between(50, 250)));
  if (dice_.once_in(3)) {
    probe.check = TcpCheck{80};
    pod.startup = probe;
  }
  if (!dice_.once_in(3)) return;
  probe.check = HttpCheck{false, 80, "/health", {}};
  pod.liveness = probe;
  if (dice_.once_in(3)) pod.args.push_back("sick-after=" + std::to_string(dice_.between(200, 3000)));
}

WorkloadSpec Customers::new_spec() {
  WorkloadSpec spec;
  spec.pod = new_template();
  if (scenario_ != Scenario::loss) add_standing(dice_, spec);
  spec.replicas = static_cast<std::uint32_t>(dice_.below(kMaxReplicas + 1));
  if (dice_.once_in(4)) spec.rollout.strategy = RolloutStrategy::recreate;
  if (dice_.once_in(5)) spec.rollout.strategy = RolloutStrategy::blue_green;
  // The way back is kept for less time than a run takes to settle.
  spec.rollout.switch_back_window = dice_.between(0, 2000);
  if (most_are_rollouts() || dice_.once_in(3)) set_pace(spec.rollout);
  need_all(spec);
  return spec;
}

void Customers::set_pace(RolloutPolicy& policy) {
  policy.min_ready = dice_.once_in(2) ? dice_.between(0, 1000) : 0;
  policy.pause_duration = dice_.once_in(3) ? dice_.between(0, 800) : 0;
  policy.progress_deadline = dice_.between(2000, 15'000);
  policy.ready_timeout = dice_.between(1000, 8000);
  policy.history_limit = static_cast<std::uint32_t>(dice_.below(4));
  policy.auto_rollback = !dice_.once_in(4);
  policy.canary.reset();
  if (!dice_.once_in(4)) return;
  policy.canary = Canary{{static_cast<std::uint32_t>(dice_.between(1, 60)), true}, {}};
  if (dice_.once_in(2)) policy.canary->promote_after = dice_.between(0, 2000);
}

void Customers::change(WorkloadSpec& spec) {
  if (!dice_.once_in(4)) spec.pod = new_template();
  if (scenario_ != Scenario::loss && dice_.once_in(8)) add_standing(dice_, spec);
  if (dice_.once_in(4)) spec.replicas = static_cast<std::uint32_t>(dice_.below(kMaxReplicas + 1));
  if (dice_.once_in(6)) spec.rollout.strategy = static_cast<RolloutStrategy>(dice_.between(1, 3));
  if (dice_.once_in(6)) set_pace(spec.rollout);
  if (dice_.once_in(4))
    spec.rollout.max_surge = IntOrPercent{static_cast<std::uint32_t>(dice_.between(1, 2)), false};
  if (dice_.once_in(4))
    spec.rollout.max_unavailable = IntOrPercent{static_cast<std::uint32_t>(dice_.below(60)), true};
  if (dice_.once_in(6))
    spec.rollout.min_available = static_cast<std::uint32_t>(dice_.below(kMaxReplicas));
  else if (dice_.once_in(4))
    spec.rollout.min_available.reset();
  need_all(spec);
}

void Customers::need_all(WorkloadSpec& spec) {
  if (scenario_ != Scenario::loss || dice_.once_in(4)) return;
  spec.replicas = static_cast<std::uint32_t>(dice_.between(1, kMaxReplicas));
  spec.rollout.min_available = spec.replicas;
}

}  // namespace cloudless::sim
