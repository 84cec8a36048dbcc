#include "chaos/simulator/place_law.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace cloudless::sim {
namespace {

constexpr std::int64_t kWhole = 1000;

using Port = std::pair<Protocol, std::uint16_t>;

bool has_all(const Labels& labels, const Labels& asked) {
  return std::all_of(asked.begin(), asked.end(), [&](const auto& one) {
    const auto found = labels.find(one.first);
    return found != labels.end() && found->second == one.second;
  });
}

bool is_one_of(const std::vector<std::string>& list, const std::string& name) {
  return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
}

bool put_up_with(const Placement& placement, const Taint& taint) {
  return std::any_of(placement.tolerations.begin(), placement.tolerations.end(), [&](const Toleration& t) {
    const bool key = t.key.empty() || t.key == taint.key, value = t.value.empty() || t.value == taint.value;
    return key && value && (!t.effect || *t.effect == taint.effect) && !t.seconds;
  });
}

std::string domain_of(const Node& node, Topology topology) {
  switch (topology) {
    case Topology::node:
      return node.description.id.value;
    case Topology::zone:
      return node.description.region + "/" + node.description.zone;
    case Topology::region:
      return node.description.region;
  }
  return {};
}

std::optional<Topology> topology_of(Spread spread) {
  switch (spread) {
    case Spread::node:
      return Topology::node;
    case Spread::zone:
      return Topology::zone;
    case Spread::region:
      return Topology::region;
    case Spread::none:
      break;
  }
  return std::nullopt;
}

const Template* template_of(const Snapshot& view, const Replica& r) {
  const auto version = view.version(r.workload, r.version);
  return version ? &version->pod : nullptr;
}

std::set<Port> ports_of(const Template& pod) {
  std::set<Port> out;
  for (const auto& port : pod.ports)
    if (port.host_port.value_or(0) != 0) out.insert({port.protocol, *port.host_port});
  return out;
}

bool is_there(const Replica& r) {
  return !r.node.empty() && !is_terminal(r.phase) && !r.is_leaving();
}

/// Live ones in the node's domain, or anywhere, of workloads with these labels.
std::vector<std::shared_ptr<const Replica>> company(const Snapshot& view, const std::string& ns,
                                                    const Labels& selector, const Replica& asking,
                                                    const Node* near, Topology topology) {
  std::vector<std::shared_ptr<const Replica>> out;
  view.workloads().for_each([&](const WorkloadUid& uid, const std::shared_ptr<const Workload>& w) {
    if (w->ns != ns || !has_all(w->spec.labels, selector)) return;
    for (const auto& r : view.replicas_of(uid)) {
      const auto node = view.node(r->node);
      if (r->id == asking.id || !is_there(*r) || !node) continue;
      if (near == nullptr || domain_of(*node, topology) == domain_of(*near, topology)) out.push_back(r);
    }
  });
  return out;
}

std::map<std::uint8_t, std::int64_t> gpus_used(const Snapshot& view, const NodeId& node,
                                               const Replica* without) {
  std::map<std::uint8_t, std::int64_t> used;
  for (const auto& r : view.replicas_on(node)) {
    const auto* pod = template_of(view, *r);
    if (is_terminal(r->phase) || pod == nullptr || (without != nullptr && r->id == without->id)) continue;
    for (const auto gpu : r->gpus)
      used[gpu] += pod->requests.gpu_count > 0 ? kWhole : pod->requests.gpu_milli;
  }
  return used;
}

bool has_gpus(const Snapshot& view, const Node& node, const Replica& replica, const Resources& asked) {
  if (asked.gpu_count == 0 && asked.gpu_milli == 0) return true;
  const auto used = gpus_used(view, node.description.id, &replica);
  std::int64_t whole = 0, most = 0;
  for (std::int64_t i = 0; i < node.description.allocatable.gpu_count; ++i) {
    const auto found = used.find(static_cast<std::uint8_t>(i));
    const auto free = kWhole - (found == used.end() ? 0 : found->second);
    whole += free == kWhole ? 1 : 0;
    most = std::max(most, free);
  }
  return asked.gpu_count > 0 ? whole >= asked.gpu_count : most >= asked.gpu_milli;
}

std::string skew(const Snapshot& view, const Node& node, const Replica& replica, const Template& pod) {
  const auto topology = topology_of(pod.placement.spread);
  if (!pod.placement.max_skew || !topology) return {};
  std::map<std::string, std::int64_t> own;
  view.nodes().for_each([&](const NodeId&, const std::shared_ptr<const Node>& other) {
    if (closed_to(*other, pod).empty()) own[domain_of(*other, *topology)] += 0;
  });
  std::map<std::string, std::int64_t> all = own;
  for (const auto& r : view.replicas_of(replica.workload))
    if (const auto there = view.node(r->node); there && is_there(*r) && r->id != replica.id)
      ++all[domain_of(*there, *topology)];
  std::int64_t fewest = std::numeric_limits<std::int64_t>::max();
  for (const auto& [domain, count] : own) fewest = std::min(fewest, all[domain]);
  if (own.empty()) fewest = 0;
  const auto here = all[domain_of(node, *topology)] + 1;
  if (here <= fewest + *pod.placement.max_skew) return {};
  return std::to_string(here) + " of its own in " + domain_of(node, *topology) + ", where fewest are " +
         std::to_string(fewest);
}

}  // namespace

Resources reserved_on(const Snapshot& view, const NodeId& node, const Replica* without) {
  Resources sum;
  for (const auto& r : view.replicas_on(node))
    if (const auto* pod = template_of(view, *r);
        pod != nullptr && !is_terminal(r->phase) && (without == nullptr || r->id != without->id))
      sum += pod->requests;
  return sum;
}

std::string closed_to(const Node& node, const Template& pod) {
  const auto& placement = pod.placement;
  if (node.state != NodeState::ready || node.cordoned || node.draining)
    return "it is not READY, or is closed";
  if (!is_one_of(placement.regions, node.description.region)) return "its region";
  if (!is_one_of(placement.zones, node.description.zone)) return "its zone";
  if (!has_all(node.labels, placement.node_selector)) return "its labels";
  for (const auto& term : placement.affinity)
    for (const auto& expression : term.node_expressions)
      if (term.required && !expression.matches(node.labels)) return "its label " + expression.key;
  for (const auto& taint : node.taints)
    if (taint.effect != TaintEffect::prefer_no_schedule && !put_up_with(placement, taint))
      return "its taint " + taint.key;
  return {};
}

std::string taken_from(const Snapshot& view, const Node& node, const Replica& replica) {
  const auto* pod = template_of(view, replica);
  if (pod == nullptr) return {};
  const NodeId& id = node.description.id;
  const Resources room = node.description.reservable() - reserved_on(view, id, &replica);
  if (!pod->requests.fits(room))
    return "room: " + std::to_string(room.cpu_millicores) + " millicores, " +
           std::to_string(room.memory_bytes) + " bytes, " + std::to_string(room.gpu_thousandths()) +
           " GPU thousandths";
  if (!has_gpus(view, node, replica, pod->requests)) return "GPUs";
  const auto wanted = ports_of(*pod);
  if (wanted.empty()) return {};
  for (const auto& r : view.replicas_on(id)) {
    const auto* other = template_of(view, *r);
    if (other == nullptr || is_terminal(r->phase) || r->id == replica.id) continue;
    for (const auto& port : ports_of(*other))
      if (wanted.contains(port)) return "host port " + std::to_string(port.second) + " of " + r->id.value;
  }
  return {};
}

std::string kept_apart(const Snapshot& view, const Node& node, const Replica& replica) {
  const auto workload = view.workload(replica.workload);
  const auto* pod = template_of(view, replica);
  if (!workload || pod == nullptr) return {};
  for (const auto& term : pod->placement.anti_affinity)
    if (term.required)
      for (const auto& r : company(view, workload->ns, term.workload_selector, replica, &node, term.topology))
        return r->id.value + " is near";
  // Others that keep it away, whatever their labels.
  for (const auto& r : company(view, workload->ns, {}, replica, nullptr, Topology::node)) {
    const auto* other = template_of(view, *r);
    const auto there = view.node(r->node);
    if (other == nullptr) continue;
    for (const auto& term : other->placement.anti_affinity)
      if (term.required && has_all(workload->spec.labels, term.workload_selector) &&
          domain_of(*there, term.topology) == domain_of(node, term.topology))
        return r->id.value + " keeps it away";
  }
  return {};
}

std::string out_of_balance(const Snapshot& view, const Node& node, const Replica& replica) {
  const auto workload = view.workload(replica.workload);
  const auto* pod = template_of(view, replica);
  if (!workload || pod == nullptr) return {};
  for (const auto& term : pod->placement.affinity) {
    if (!term.required || term.workload_selector.empty()) continue;
    const auto find = [&](const Node* near) {
      return company(view, workload->ns, term.workload_selector, replica, near, term.topology);
    };
    const bool first = has_all(workload->spec.labels, term.workload_selector) && find(nullptr).empty();
    if (!first && find(&node).empty()) return "nobody whom it has to be with";
  }
  return skew(view, node, replica, *pod);
}

std::string shared_gpu(const Snapshot& view, const Node& node) {
  for (const auto& [gpu, used] : gpus_used(view, node.description.id, nullptr))
    if (used > kWhole || gpu >= node.description.capacity.gpu_count)
      return "GPU " + std::to_string(gpu) + " of " + node.description.id.value + ": " + std::to_string(used) +
             " thousandths";
  return {};
}

bool evicts(const Node& node, const Template& pod) {
  return std::any_of(node.taints.begin(), node.taints.end(), [&](const Taint& t) {
    return t.effect == TaintEffect::no_execute && !put_up_with(pod.placement, t);
  });
}

}  // namespace cloudless::sim
