// The judge of security: from what a workload asks for, what its image says, what the node allows and what
// the kernel can do, to what its container gets; or every reason why it is refused. Pure; containers.cpp asks
// before anything is made, oci_spec.cpp writes it down for the runtime.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "actors/runtime/containerd/kernel_facts.hpp"
#include "actors/runtime/containerd/node_policy.hpp"
#include "actors/runtime/containerd/process_user.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::runtime {

struct Confinement {
  ProcessUser user;
  /// As the OCI spec names them ("CAP_CHOWN"): the most that the container can have, and what a user who is
  /// not root has from the start, being named in capabilities_add.
  std::vector<std::string> capabilities;
  std::vector<std::string> ambient;
  bool no_new_privileges = true;
  nlohmann::json seccomp;  ///< null: none
  std::string apparmor;    ///< empty: none
  std::string selinux;     ///< empty: none
  std::map<std::string, std::string> sysctls;
  bool read_only_root = false;
  bool privileged = false;  ///< every device, nothing hidden, /sys writable
  bool host_pid = false;
  bool host_ipc = false;
  bool host_network = false;
  std::vector<std::string> masked_paths;
  std::vector<std::string> read_only_paths;
  std::vector<HostDevice> devices;  ///< beyond those that every container has
  std::string runtime_program;      ///< empty: the node's
};

struct ConfinementInput {
  const Template& pod;
  std::string image_user;
  const ImageAccounts& accounts;
  const NodePolicy& policy;
  const KernelFacts& facts;
  std::string_view architecture;   ///< as Go names it
  std::vector<HostDevice> gpus{};  ///< device nodes of the GPUs that it was handed out
};

/// FAILED_PRECONDITION naming everything that this node does not allow or cannot do.
Result<Confinement> confine(const ConfinementInput& in);

/// What a container has that asks for nothing, without "CAP_": what a server needs that starts as root and
/// drops to a user.
const std::vector<std::string>& default_capabilities();

}  // namespace cloudless::runtime
