// What an agent knows of its machine: how much there is of it, and an id that tells it from another agent of
// the same name.
#pragma once

#include <cstdint>
#include <string>

#include "messages/domain/error.hpp"
#include "messages/domain/node.hpp"
#include "services/agent/agent_settings.hpp"

namespace cloudless::agent {

/// What the kernel says: processors this process may use, memory, the file system of `folder`.
Resources detect_capacity(const std::string& folder);

/// What OCI images call a machine that the kernel calls `machine`: "amd64" for "x86_64". Other names stay.
std::string oci_architecture(const std::string& machine);

/// Kept in <state_dir>/machine-uid, 32 hexadecimal digits; a random one is made at the first start. DATA_LOSS
/// or UNAVAILABLE if the file cannot be read or made.
Result<std::string> load_machine_uid(const std::string& state_dir);

/// What all containers of the node may use together of processors and memory: what replicas may reserve, but
/// no more than the machine has beyond what is kept back for itself, unless the settings claim that it has
/// more. So over-commit alone never makes the kernel end a container: it does so when the machine's memory
/// is used up, and then among the containers.
Resources container_bounds(const AgentSettings& settings);

/// What this agent tells when it registers. `agent_address`: of its gRPC API.
NodeDescription describe_node(const AgentSettings& settings, const std::string& machine_uid,
                              const std::string& agent_address);

}  // namespace cloudless::agent
