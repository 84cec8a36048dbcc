#include "gateway/usage_answer.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "gateway/answers.hpp"
#include "messages/codec/api_usage.hpp"
#include "messages/codec/spec_message.hpp"

namespace cloudless::gateway {
namespace {

bool is_meant(const Workload& workload, const UsageSelection& selection) {
  return (selection.ns.empty() || workload.ns == selection.ns) &&
         (selection.workload.empty() || workload.name == selection.workload);
}

api::Resources resources_of(const Workload& workload, const Version& version) {
  api::Resources out;
  codec::write(version.pod.requests, *out.mutable_requests());
  codec::write(workload.spec.limits, out);
  return out;
}

using ByReplica = std::map<ReplicaId, std::pair<const NodeUsage*, const ReplicaUsage*>>;

ByReplica by_replica(const std::map<NodeId, Result<NodeUsage>>& said) {
  ByReplica out;
  for (const auto& [node, usage] : said) {
    if (!usage) continue;
    for (const auto& replica : usage->replicas) out[replica.now.replica] = {&*usage, &replica};
  }
  return out;
}

/// Limits are the workload's, so that all its replicas have the same ones.
void add_resources(const api::Resources& one, api::Resources& sum) {
  auto& requests = *sum.mutable_requests();
  requests.set_cpu_millicores(requests.cpu_millicores() + one.requests().cpu_millicores());
  requests.set_memory_bytes(requests.memory_bytes() + one.requests().memory_bytes());
  if (!one.has_limits()) return;
  auto& limits = *sum.mutable_limits();
  if (one.limits().has_cpu_millicores())
    limits.set_cpu_millicores(limits.cpu_millicores() + one.limits().cpu_millicores());
  if (one.limits().has_memory_bytes())
    limits.set_memory_bytes(limits.memory_bytes() + one.limits().memory_bytes());
}

void add_workload(const std::vector<api::ReplicaUsage>& replicas, api::ListUsageReply& reply) {
  auto& out = *reply.add_workloads();
  out.set_namespace_(replicas.front().namespace_());
  out.set_workload(replicas.front().workload());
  out.set_replicas(static_cast<std::uint32_t>(replicas.size()));
  for (const auto& replica : replicas) {
    codec::add(replica.usage(), *out.mutable_usage());
    add_resources(replica.resources(), *out.mutable_resources());
    out.set_window_ms(std::max(out.window_ms(), replica.window_ms()));
  }
}

void add_replicas(const Snapshot& snapshot, const Workload& workload, const ByReplica& figures,
                  std::vector<api::ReplicaUsage>& to) {
  for (const auto& replica : snapshot.replicas_of(workload.uid)) {
    const auto found = figures.find(replica->id);
    if (found == figures.end() || found->second.first->node != replica->node) continue;
    auto& out =
        to.emplace_back(codec::to_api(*found->second.second, replica->node, found->second.first->sampled_at));
    out.set_namespace_(workload.ns);
    out.set_workload(workload.name);
    if (const auto version = snapshot.version(workload.uid, replica->version))
      *out.mutable_resources() = resources_of(workload, *version);
  }
}

void add_node(const Snapshot& snapshot, const NodeId& id, const Result<NodeUsage>& said,
              api::ListUsageReply& reply) {
  auto& out = *reply.add_nodes();
  out.set_node_id(id.value);
  if (const auto node = snapshot.node(id)) {
    const auto described = describe(snapshot, *node, {});
    *out.mutable_reserved() = described.reserved();
    *out.mutable_allocatable() = described.allocatable();
  }
  if (!said) return out.set_error(said.error().message);
  out.mutable_sampled_at()->set_seconds(said->sampled_at / 1000);
  out.mutable_sampled_at()->set_nanos(static_cast<std::int32_t>(said->sampled_at % 1000 * 1'000'000));
  out.set_replicas(static_cast<std::uint32_t>(said->replicas.size()));
  out.mutable_usage();
  for (const auto& replica : said->replicas)
    codec::add(codec::to_api(replica, id, said->sampled_at).usage(), *out.mutable_usage());
}

}  // namespace

Result<std::set<NodeId>> usage_nodes(const Snapshot& snapshot, const UsageSelection& selection) {
  if (!selection.node.empty() && !snapshot.node(selection.node))
    return fail(Errc::not_found, "node " + selection.node.value + " does not exist");
  if (!selection.workload.empty() && !snapshot.workload(selection.ns, selection.workload))
    return fail(Errc::not_found, "workload " + selection.ns + "/" + selection.workload + " does not exist");
  std::set<NodeId> nodes;
  const auto add = [&](const NodeId& node) {
    if (!node.empty() && (selection.node.empty() || node == selection.node)) nodes.insert(node);
  };
  if (selection.ns.empty() && selection.workload.empty()) {
    snapshot.nodes().for_each([&](const NodeId& id, const auto&) { add(id); });
    return nodes;
  }
  snapshot.workloads().for_each([&](const WorkloadUid& uid, const std::shared_ptr<const Workload>& workload) {
    if (!is_meant(*workload, selection)) return;
    for (const auto& replica : snapshot.replicas_of(uid))
      if (!is_terminal(replica->phase)) add(replica->node);
  });
  return nodes;
}

void answer_usage(const Snapshot& snapshot, const UsageSelection& selection,
                  const std::map<NodeId, Result<NodeUsage>>& said, api::ListUsageReply& reply) {
  const auto figures = by_replica(said);
  std::map<std::pair<std::string, std::string>, std::vector<std::shared_ptr<const Workload>>> workloads;
  snapshot.workloads().for_each([&](const WorkloadUid&, const std::shared_ptr<const Workload>& workload) {
    if (is_meant(*workload, selection)) workloads[{workload->ns, workload->name}].push_back(workload);
  });
  for (const auto& [name, same_name] : workloads) {
    std::vector<api::ReplicaUsage> replicas;
    for (const auto& workload : same_name) add_replicas(snapshot, *workload, figures, replicas);
    if (!replicas.empty()) add_workload(replicas, reply);
    for (auto& replica : replicas) *reply.add_replicas() = std::move(replica);
  }
  for (const auto& [node, usage] : said) add_node(snapshot, node, usage, reply);
}

}  // namespace cloudless::gateway
