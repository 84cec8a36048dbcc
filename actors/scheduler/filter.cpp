#include "actors/scheduler/filter.hpp"

#include <algorithm>

namespace cloudless::scheduler {
namespace {

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

template <class T, class Words>
std::string listed(const std::vector<T>& list, const char* between, Words words) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : between) + words(item);
  return out;
}
std::string one_of(const std::vector<std::string>& list) {
  return listed(list, " or ", [](const std::string& s) { return s; });
}

std::string quoted(const std::string& name) {
  return name.empty() ? "\"\"" : name;
}

bool is_required_of_nodes(const AffinityTerm& term) {
  return term.required && !term.node_expressions.empty();
}

const LabelExpression* failed_expression(const Demand& d, const Node& node) {
  for (const auto& term : d.placement().affinity) {
    if (!is_required_of_nodes(term)) continue;
    for (const auto& expression : term.node_expressions)
      if (!expression.matches(node.labels)) return &expression;
  }
  return nullptr;
}

std::string expression_in_words(const LabelExpression& e) {
  const std::string values = listed(e.values, ", ", [](const std::string& s) { return s; });
  switch (e.op) {
    case LabelOperator::in:
      return "has no label " + e.key + " in (" + values + ")";
    case LabelOperator::not_in:
      return "has label " + e.key + " in (" + values + ")";
    case LabelOperator::exists:
      return "lacks label " + e.key;
    case LabelOperator::does_not_exist:
      return "has label " + e.key;
    case LabelOperator::greater:
      return "has no label " + e.key + " above " + values;
    case LabelOperator::less:
      return "has no label " + e.key + " below " + values;
  }
  return "";
}

std::string effect_in_words(TaintEffect effect) {
  switch (effect) {
    case TaintEffect::no_schedule:
      return "NO_SCHEDULE";
    case TaintEffect::prefer_no_schedule:
      return "PREFER_NO_SCHEDULE";
    case TaintEffect::no_execute:
      return "NO_EXECUTE";
  }
  return "";
}

bool lies_below(const std::string& path, const std::string& allowed) {
  if (allowed == "/" || path == allowed) return true;
  return path.starts_with(allowed) && (allowed.ends_with('/') || path[allowed.size()] == '/');
}

/// What the agent there does not allow, and its setting; empty: nothing.
std::string forbidden(const Template& pod, const Node& node) {
  const auto& policy = node.description.policy;
  if (!policy) return {};
  for (const auto& volume : pod.volumes) {
    const auto* host = std::get_if<HostPath>(&volume.source);
    if (host == nullptr) continue;
    const bool allowed =
        std::any_of(policy->host_paths.begin(), policy->host_paths.end(), [&](const AllowedPath& below) {
          return lies_below(host->path, below.path) && (volume.read_only || below.writable);
        });
    if (!allowed)
      return "host path " + host->path + (volume.read_only ? "" : " for writing") + " (policy.host_paths)";
  }
  if (pod.host_network && !policy->host_network) return "the host's network (policy.allow_host_network)";
  if (pod.security.privileged && !policy->privileged)
    return "privileged containers (policy.allow_privileged)";
  if (pod.security.host_pid && !policy->host_pid) return "the host's processes (policy.allow_host_pid)";
  if (pod.security.host_ipc && !policy->host_ipc) return "the host's IPC (policy.allow_host_ipc)";
  return {};
}

const HostPort* taken_port(const Demand& d, const NodeView& view) {
  for (const auto& port : d.ask->host_ports)
    if (view.host_ports.contains(port)) return &port;
  return nullptr;
}

const Demand::Towards* missing_company(const Demand& d, const Node& node) {
  for (const auto& towards : d.required)
    if (!towards.waived && towards.near(node) == 0) return &towards;
  return nullptr;
}

std::string selector_in_words(const Labels& selector) {
  std::string out;
  for (const auto& [key, value] : selector) out += (out.empty() ? "" : ",") + key + "=" + value;
  return out;
}

std::string place_in_words(const Node& node, Topology topology) {
  switch (topology) {
    case Topology::node:
      return "";
    case Topology::zone:
      return " in its zone " + quoted(node.description.zone);
    case Topology::region:
      return " in its region " + quoted(node.description.region);
  }
  return "";
}

/// Why the node's domain must be kept clear; empty: it need not.
std::string company_to_avoid(const Demand& d, const Node& node) {
  for (const auto& towards : d.required_away)
    if (towards.near(node) > 0)
      return "has a replica of " + selector_in_words(towards.term->workload_selector) +
             place_in_words(node, towards.term->topology);
  for (const auto& guard : d.guards)
    if (guard.crowd->near(node, guard.topology) > 0) {
      const auto& record = d.model->workloads().at(guard.workload).record;
      return "has a replica of " + (record ? record->name : guard.workload.value) +
             place_in_words(node, guard.topology) + ", which keeps this one away";
    }
  return {};
}

bool skewed(const Demand& d, const Node& node) {
  const auto& placement = d.placement();
  const auto topology = spread_topology(placement);
  if (!placement.max_skew || !topology || d.own == nullptr) return false;
  return d.own->live.near(node, *topology) + 1 > d.fewest() + *placement.max_skew;
}

std::string mebibytes(std::int64_t amount, const char* of) {
  return "lacks " + std::to_string(amount) + " MiB of " + of;
}

std::string gpu_shortage(const Demand& d, const NodeView& view) {
  const auto gpus = view.gpus();
  if (d.ask->amounts.gpus > 0) {
    const auto missing = d.ask->amounts.gpus - gpus.whole();
    return "lacks " + std::to_string(missing) + (missing == 1 ? " whole GPU" : " whole GPUs");
  }
  if (gpus.count == 0) return "has no GPU";
  return "lacks " + std::to_string(d.ask->amounts.gpu_share - gpus.largest()) + " thousandths of a GPU";
}

std::string state_in_words(const Node& node) {
  if (node.state != NodeState::ready) return std::string("is ") + to_string(node.state);
  return node.draining ? "is draining" : "is cordoned";
}

}  // namespace

const char* to_string(Filter filter) {
  static constexpr std::array<const char*, kFilters> names{"state",
                                                           "region",
                                                           "zone",
                                                           "node_selector",
                                                           "node_affinity",
                                                           "taint",
                                                           "architecture",
                                                           "runtime_class",
                                                           "policy",
                                                           "host_port",
                                                           "cpu",
                                                           "memory",
                                                           "storage",
                                                           "bandwidth",
                                                           "gpu",
                                                           "workload_affinity",
                                                           "workload_anti_affinity",
                                                           "spread",
                                                           "failed_here"};
  return names[static_cast<std::size_t>(filter)];
}

std::string in_words(Filter filter, bool several) {
  const std::string is = several ? "are " : "is ", has = several ? "have " : "has ",
                    lacks = several ? "lack " : "lacks ", does = several ? "do " : "does ";
  switch (filter) {
    case Filter::state:
      return is + "cordoned, draining or not ready";
    case Filter::region:
      return is + "in another region";
    case Filter::zone:
      return is + "in another zone";
    case Filter::node_selector:
      return does + "not match the node selector";
    case Filter::node_affinity:
      return does + "not match the node affinity";
    case Filter::taint:
      return is + "tainted";
    case Filter::architecture:
      return is + "of another architecture";
    case Filter::runtime_class:
      return lacks + "the runtime class";
    case Filter::policy:
      return does + "not allow what it asks of the host";
    case Filter::host_port:
      return has + "the host port taken";
    case Filter::cpu:
    case Filter::memory:
    case Filter::storage:
    case Filter::bandwidth:
    case Filter::gpu:
      return lacks + to_string(filter);
    case Filter::workload_affinity:
      return lacks + "the company it requires";
    case Filter::workload_anti_affinity:
      return has + "company it must not have";
    case Filter::spread:
      return has + "more than its share already";
    case Filter::failed_here:
      return has + "failed it not long ago";
  }
  return "";
}

bool lets_in(const std::vector<Toleration>& tolerations, const Taint& taint) {
  return std::any_of(tolerations.begin(), tolerations.end(),
                     [&](const Toleration& t) { return !t.seconds && tolerates({t}, taint); });
}

const Taint* closing_taint(const Demand& demand, const Node& node) {
  for (const auto& taint : node.taints)
    if (taint.effect != TaintEffect::prefer_no_schedule && !lets_in(demand.placement().tolerations, taint))
      return &taint;
  return nullptr;
}

bool gpus_fit(const Demand& demand, const NodeView& view) {
  const auto& amounts = demand.ask->amounts;
  return !amounts.asks_gpu() || engine::pick_gpus(view.gpus(), amounts) != 0;
}

bool check(Filter filter, const Demand& d, const NodeView& view) {
  const Node& node = *view.node;
  const auto& description = node.description;
  const auto& placement = d.placement();
  const auto& amounts = d.ask->amounts;
  switch (filter) {
    case Filter::state:
      return node.schedulable();
    case Filter::region:
      return placement.regions.empty() || contains(placement.regions, description.region);
    case Filter::zone:
      return placement.zones.empty() || contains(placement.zones, description.zone);
    case Filter::node_selector:
      return selects(placement.node_selector, node.labels);
    case Filter::node_affinity:
      return failed_expression(d, node) == nullptr;
    case Filter::taint:
      return closing_taint(d, node) == nullptr;
    case Filter::architecture:
      return placement.architectures.empty() || contains(placement.architectures, description.architecture);
    case Filter::runtime_class:
      return d.ask->pod->runtime_class.empty() || description.runtime_classes.empty() ||
             contains(description.runtime_classes, d.ask->pod->runtime_class);
    case Filter::policy:
      return forbidden(*d.ask->pod, node).empty();
    case Filter::host_port:
      return taken_port(d, view) == nullptr;
    case Filter::cpu:
      return amounts.cpu <= view.free().cpu;
    case Filter::memory:
      return amounts.memory <= view.free().memory;
    case Filter::storage:
      return amounts.storage <= view.free().storage;
    case Filter::bandwidth:
      return amounts.bandwidth <= view.free().bandwidth;
    case Filter::gpu:
      return gpus_fit(d, view);
    case Filter::workload_affinity:
      return missing_company(d, node) == nullptr;
    case Filter::workload_anti_affinity:
      return company_to_avoid(d, node).empty();
    case Filter::spread:
      return !skewed(d, node);
    case Filter::failed_here:
      return !d.failed_until.contains(description.id);
  }
  return false;
}

std::string explain(Filter filter, const Demand& d, const NodeView& view) {
  const Node& node = *view.node;
  const auto& amounts = d.ask->amounts;
  switch (filter) {
    case Filter::state:
      return state_in_words(node);
    case Filter::region:
      return "is in region " + quoted(node.description.region) + ", not " + one_of(d.placement().regions);
    case Filter::zone:
      return "is in zone " + quoted(node.description.zone) + ", not " + one_of(d.placement().zones);
    case Filter::node_selector: {
      const auto& selector = d.placement().node_selector;
      const auto missing = std::find_if(selector.begin(), selector.end(),
                                        [&](const auto& label) { return !selects({label}, node.labels); });
      return "lacks label " + missing->first + "=" + missing->second;
    }
    case Filter::node_affinity:
      return expression_in_words(*failed_expression(d, node));
    case Filter::taint: {
      const Taint& taint = *closing_taint(d, node);
      return "lacks a toleration for " + taint.key + (taint.value.empty() ? "" : "=" + taint.value) + ":" +
             effect_in_words(taint.effect);
    }
    case Filter::architecture:
      return "is of architecture " + quoted(node.description.architecture) + ", not " +
             one_of(d.placement().architectures);
    case Filter::runtime_class:
      return "lacks runtime class " + d.ask->pod->runtime_class + " (policy.runtimes)";
    case Filter::policy:
      return "does not allow " + forbidden(*d.ask->pod, node);
    case Filter::host_port: {
      const HostPort& port = *taken_port(d, view);
      return "has host port " + std::to_string(port.second) +
             (port.first == Protocol::udp ? "/udp" : "/tcp") + " taken";
    }
    case Filter::cpu:
      return "lacks " + std::to_string(amounts.cpu - view.free().cpu) + " millicores";
    case Filter::memory:
      return mebibytes(amounts.memory - view.free().memory, "memory");
    case Filter::storage:
      return mebibytes(amounts.storage - view.free().storage, "storage");
    case Filter::bandwidth:
      return "lacks " + std::to_string(amounts.bandwidth - view.free().bandwidth) + " kbit/s";
    case Filter::gpu:
      return gpu_shortage(d, view);
    case Filter::workload_affinity: {
      const auto& towards = *missing_company(d, node);
      return "has no replica of " + selector_in_words(towards.term->workload_selector) +
             place_in_words(node, towards.term->topology);
    }
    case Filter::workload_anti_affinity:
      return company_to_avoid(d, node);
    case Filter::spread: {
      const auto topology = *spread_topology(d.placement());
      const auto here = d.own->live.near(node, topology);
      return "has " + std::to_string(here) + " of its replicas" + place_in_words(node, topology) +
             ", where fewest are " + std::to_string(d.fewest());
    }
    case Filter::failed_here:
      return "had a replica of this version fail not long ago";
  }
  return "";
}

std::optional<Filter> rejection(const Demand& demand, const NodeView& view) {
  for (std::size_t i = 0; i < kFilters; ++i)
    if (const auto filter = static_cast<Filter>(i); !check(filter, demand, view)) return filter;
  return std::nullopt;
}

bool statically_eligible(const Demand& demand, const NodeView& view) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(kLastStatic); ++i)
    if (!check(static_cast<Filter>(i), demand, view)) return false;
  return true;
}

}  // namespace cloudless::scheduler
