// From what is assigned and what the image says to the OCI runtime spec that runc carries out. A pure
// function that puts together what its neighbours decide: oci_process (what runs), confinement (who it is and
// what it may do), oci_mounts (what it sees), oci_resources (what it may use).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/runtime/containerd/confinement.hpp"
#include "actors/runtime/containerd/image.hpp"
#include "actors/runtime/containerd/oci_mounts.hpp"
#include "messages/domain/assignment.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::runtime {

struct SpecInput {
  ContainerId container;
  Assignment assignment;
  std::uint32_t attempt = 1;
  NodeId node;
  std::string containerd_namespace;
  std::string address;  ///< IPv4 of the replica; empty: none
  /// The network namespace that the container joins; empty: the runtime makes one.
  std::string network_namespace;
  ImageConfig image;
  /// Volumes and files of the workload, in this order after the kernel's own.
  std::vector<SpecMount> mounts;
  /// As confine judged. The default is of no use but in tests: root without any capability.
  Confinement confinement;
  std::string cgroup;                    ///< the container's own, below every controller's root
  std::int64_t node_cpu_millicores = 0;  ///< what all containers of the node may have; 0: not known
  bool node_has_gpus = false;            ///< whether this replica was handed out any or not
};

/// The spec as JSON. FAILED_PRECONDITION when image and assignment leave nothing to run.
Result<std::string> make_spec(const SpecInput& input);

/// The process of an exec: the container's own, with another command. `spec` as make_spec made it; DATA_LOSS
/// if it is not JSON.
Result<std::string> make_exec_process(const std::string& spec, const std::vector<std::string>& command);

}  // namespace cloudless::runtime
