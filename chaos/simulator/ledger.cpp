#include "chaos/simulator/ledger.hpp"

#include <algorithm>

#include "actors/workload_state/fragments.hpp"

namespace cloudless::sim {
namespace {

constexpr std::int64_t kWholeGpu = 1000;
constexpr std::int64_t kMebibyte = 1 << 20;
constexpr std::int64_t kKilobit = 1000;

std::int64_t rounded_up(std::int64_t amount, std::int64_t unit) {
  return (amount + unit - 1) / unit;
}

void hold(Held& held, const Replica& replica, const Template& pod) {
  const Resources& asked = pod.requests;
  held.exact += asked;
  held.rounded[0] += asked.cpu_millicores;
  held.rounded[1] += rounded_up(asked.memory_bytes, kMebibyte);
  held.rounded[2] += rounded_up(asked.storage_bytes, kMebibyte);
  held.rounded[3] += rounded_up(asked.bandwidth_bps, kKilobit);
  for (const auto gpu : replica.gpus) held.gpus[gpu] += asked.gpu_count > 0 ? kWholeGpu : asked.gpu_milli;
  for (const auto& port : pod.ports) {
    const auto wanted = pod.host_network ? port.container_port : port.host_port.value_or(0);
    if (wanted != 0) ++held.host_ports[{port.protocol, wanted}];
  }
  held.replicas.insert(replica.id);
}

std::string in_words(const std::array<std::int64_t, 4>& amounts) {
  return std::to_string(amounts[0]) + " millicores, " + std::to_string(amounts[1]) + " MiB, " +
         std::to_string(amounts[2]) + " MiB of storage, " + std::to_string(amounts[3]) + " kbit/s";
}

std::string in_words(const Resources& r) {
  return std::to_string(r.cpu_millicores) + " millicores, " + std::to_string(r.memory_bytes) + " bytes, " +
         std::to_string(r.storage_bytes) + " bytes of storage, " + std::to_string(r.bandwidth_bps) +
         " bit/s, " + std::to_string(r.gpu_thousandths()) + " GPU thousandths";
}

/// Nothing, on nodes that the ledger does not name.
const Held& held_on(const Ledger& ledger, const NodeId& node) {
  static const Held nothing;
  const auto found = ledger.nodes.find(node);
  return found != ledger.nodes.end() ? found->second : nothing;
}

Resources in_thousandths(Resources amounts) {
  amounts.gpu_milli = amounts.gpu_thousandths();
  amounts.gpu_count = 0;
  return amounts;
}

/// GPUs in thousandths; of what a node that shrank lacks nothing.
Resources what_is_left(const Node& node, const Held& held) {
  const Resources left = node.description.reservable() - held.exact;
  const auto some = [](std::int64_t amount) { return std::max<std::int64_t>(0, amount); };
  return {some(left.cpu_millicores),
          some(left.memory_bytes),
          some(left.storage_bytes),
          some(left.bandwidth_bps),
          0,
          some(left.gpu_thousandths())};
}

std::optional<std::string> wrong_node(const Held& held, const scheduler::NodeView& counted) {
  const auto& sum = counted.reserved;
  const std::array<std::int64_t, 4> reserved{sum.cpu, sum.memory, sum.storage, sum.bandwidth};
  if (reserved != held.rounded) return in_words(reserved) + ", but replicas hold " + in_words(held.rounded);
  for (std::size_t gpu = 0; gpu < counted.gpu_used.size(); ++gpu) {
    const auto found = held.gpus.find(static_cast<std::uint8_t>(gpu));
    const auto used = found != held.gpus.end() ? found->second : 0;
    if (counted.gpu_used[gpu] != used)
      return std::to_string(counted.gpu_used[gpu]) + " thousandths of GPU " + std::to_string(gpu) +
             ", but replicas hold " + std::to_string(used);
  }
  for (const auto& [port, times] : held.host_ports)
    if (!counted.host_ports.contains(port))
      return "no host port " + std::to_string(port.second) + ", which is held";
  for (const auto& [port, times] : counted.host_ports)
    if (const auto found = held.host_ports.find(port);
        found == held.host_ports.end() || found->second != times)
      return "host port " + std::to_string(port.second) + " " + std::to_string(times) +
             " times, but it is held " + std::to_string(found == held.host_ports.end() ? 0 : found->second) +
             " times";
  return std::nullopt;
}

}  // namespace

Ledger ledger_of(const Snapshot& view) {
  Ledger ledger;
  std::shared_ptr<const Version> version;  // those of one version often come one after another
  view.replicas().for_each([&](const ReplicaSlot& slot, const std::shared_ptr<const Replica>& r) {
    if (r->node.empty()) {
      if (r->phase == Phase::pending && !r->is_leaving()) ledger.waiting.insert(slot);
      return;
    }
    if (is_terminal(r->phase)) return;
    if (!version || version->workload != r->workload || version->number != r->version)
      version = view.version(r->workload, r->version);
    auto& held = ledger.nodes[r->node];
    if (version) hold(held, *r, version->pod);
    if (!r->is_leaving() && view.node(r->node)) ++ledger.live[r->workload][r->node];
  });
  return ledger;
}

std::optional<std::string> wrong_fragments(const Ledger& ledger, const Snapshot& view) {
  std::optional<std::string> wrong;
  view.nodes().for_each([&](const NodeId& id, const std::shared_ptr<const Node>& node) {
    if (wrong) return;
    const auto& held = held_on(ledger, id);
    const auto said = workload_state::fragments_of(view, *node);
    Resources sum;
    for (const auto& fragment : said.replicas) {
      sum += fragment.resources;
      if (!held.replicas.contains(fragment.replica->id))
        wrong = id.value + " is said to hold room for " + fragment.replica->id.value +
                ", which does not hold any";
    }
    if (wrong) return;
    if (sum != held.exact || said.replicas.size() != held.replicas.size())
      wrong = id.value + " is said to hold " + in_words(sum) + ", but replicas hold " + in_words(held.exact);
    else if (const auto left = what_is_left(*node, held); !(in_thousandths(said.free) == left))
      wrong = id.value + " is said to have free " + in_words(said.free) + ", but has " + in_words(left);
  });
  return wrong;
}

std::optional<std::string> wrong_model(const Ledger& ledger, const scheduler::Model& model) {
  for (const auto& [id, counted] : model.nodes())
    if (const auto why = wrong_node(held_on(ledger, id), counted)) return id.value + " counts " + *why;
  for (const auto& [id, held] : ledger.nodes)
    if (!model.nodes().contains(id)) return id.value + " is not known, but replicas are there";
  std::size_t waiting = 0;
  for (const auto& pending : model.pending()) {
    ++waiting;
    if (!ledger.waiting.contains(pending.slot))
      return pending.slot.workload.value + "/" + std::to_string(pending.slot.ordinal) + " is said to wait";
  }
  if (waiting != ledger.waiting.size())
    return std::to_string(waiting) + " replicas are known to wait of " +
           std::to_string(ledger.waiting.size());
  std::size_t live = 0;
  for (const auto& [uid, counted] : model.workloads()) {
    const auto found = ledger.live.find(uid);
    if (found == ledger.live.end() ? !counted.live.nodes.empty() : counted.live.nodes != found->second)
      return "workload " + uid.value + " counts other live replicas than it has";
    live += found != ledger.live.end() ? 1 : 0;
  }
  if (live != ledger.live.size()) return "a workload with live replicas is not known";
  return std::nullopt;
}

}  // namespace cloudless::sim
