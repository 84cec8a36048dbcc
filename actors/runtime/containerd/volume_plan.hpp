// From a workload's volumes and files, and what this node allows, to what is to be made in the replica's own
// folder and what the container sees of it. Pure; carried out by volumes.cpp. A plan is made whole or not at
// all: whatever the node does not allow is refused before anything is touched.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "actors/runtime/containerd/node_policy.hpp"
#include "actors/runtime/containerd/oci_mounts.hpp"
#include "messages/domain/assignment.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::runtime {

/// A directory of the node as the policy grants it.
struct GrantedHostPath {
  std::string root;  ///< the allowed path that covers it; nothing outside of it may be reached
  std::string path;
  bool read_only = false;
  bool operator==(const GrantedHostPath&) const = default;
};

/// A place in the replica's folder that a volume stands at, with what it is.
struct PlannedVolume {
  std::string place;  ///< "volumes/<name>"
  std::variant<EmptyDir, GrantedHostPath> source;
  bool operator==(const PlannedVolume&) const = default;
};

struct PlannedFile {
  std::string place;  ///< "files/<index>"
  std::string content;
  std::uint32_t mode = 0;
  bool operator==(const PlannedFile&) const = default;
};

struct PlannedMount {
  std::string destination;  ///< in the container
  std::string place;        ///< in the replica's folder
  bool read_only = false;
  bool operator==(const PlannedMount&) const = default;
};

struct VolumePlan {
  ReplicaId replica;
  std::vector<PlannedVolume> volumes;
  std::vector<PlannedFile> files;
  std::vector<PlannedMount> mounts;  ///< what lies in another comes after it
  std::int64_t layer_limit = 0;      ///< bytes of the container's writable layer; 0: no limit
  /// Nothing is to be made for this replica.
  bool empty() const { return volumes.empty() && files.empty() && layer_limit == 0; }
  bool operator==(const VolumePlan&) const = default;
};

/// FAILED_PRECONDITION names the volume, what is not allowed, and the setting that would allow it.
Result<VolumePlan> plan_volumes(const Assignment& assignment, const NodePolicy& policy);

/// What goes into the OCI spec. `folder` is the replica's.
std::vector<SpecMount> spec_mounts(const VolumePlan& plan, const std::string& folder);

/// A snapshot's overlay options with `layer` ("<folder>/fs" and "<folder>/work") in place of the writable
/// layer's own directories. FAILED_PRECONDITION if they name none: not an overlay.
Result<std::vector<std::string>> with_layer(std::vector<std::string> options, const std::string& layer);

}  // namespace cloudless::runtime
