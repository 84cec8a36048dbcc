// What a node needs to pull a replica's image: the credentials in the spec's pull secrets that are for the
// image's registry. Pure; opening a sealed value is an argument. Used by assignment_set.
#pragma once

#include <functional>
#include <set>
#include <vector>

#include "messages/domain/assignment.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::node_link {

/// The coordinator's key is in it; a process without one has none to give.
using OpenSecret = std::function<Result<RegistryCredentials>(const Secret&)>;

PullAccess pull_access(const Snapshot& snapshot, const std::string& ns, const Template& pod,
                       const OpenSecret& open);

/// Nodes with live replicas that name a secret which these commits change.
std::set<NodeId> nodes_with_changed_secrets(const Snapshot& after, const std::vector<Commit>& commits);

}  // namespace cloudless::node_link
