#include "actors/node_link/pull_access.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "messages/domain/image_reference.hpp"

namespace cloudless::node_link {

PullAccess pull_access(const Snapshot& snapshot, const std::string& ns, const Template& pod,
                       const OpenSecret& open) {
  PullAccess out;
  const std::string registry(registry_in(pod.image));
  for (const auto& name : pod.image_pull_secrets) {
    const std::string title = "pull secret " + ns + "/" + name;
    const auto secret = snapshot.secret(ns, name);
    if (!secret) {
      out.problems.push_back(title + " does not exist");
    } else if (secret->server != registry) {
      out.problems.push_back(title + " is for " + secret->server + ", not for " + registry);
    } else {
      auto credentials = open ? open(*secret) : Result<RegistryCredentials>(fail(Errc::unavailable, ""));
      if (credentials)
        out.credentials.push_back(std::move(*credentials));
      else
        out.problems.push_back(title + " cannot be opened with this coordinator's key; put it again");
    }
  }
  return out;
}

std::set<NodeId> nodes_with_changed_secrets(const Snapshot& after, const std::vector<Commit>& commits) {
  std::set<std::string> changed;
  for (const auto& commit : commits)
    for (const auto& change : commit.changes)
      if (change.key.kind == RecordKind::secret) changed.insert(change.key.id);
  std::set<NodeId> nodes;
  if (changed.empty()) return nodes;
  after.replicas().for_each([&](const ReplicaSlot&, const std::shared_ptr<const Replica>& replica) {
    if (replica->node.empty() || is_terminal(replica->phase)) return;
    const auto version = after.version(replica->workload, replica->version);
    const auto workload = after.workload(replica->workload);
    if (!version || !workload) return;
    const auto& named = version->pod.image_pull_secrets;
    if (std::any_of(named.begin(), named.end(),
                    [&](const auto& name) { return changed.contains(workload->ns + "/" + name); }))
      nodes.insert(replica->node);
  });
  return nodes;
}

}  // namespace cloudless::node_link
