// The process of a container: its command line, its environment, where it starts and its host name. Pure
// functions over what is assigned and what the image says; used by oci_spec.cpp.
#pragma once

#include <string>
#include <vector>

#include "actors/runtime/containerd/oci_spec.hpp"

namespace cloudless::runtime {

/// As in Docker and Kubernetes: `command` replaces the entry point and drops the image's own arguments,
/// `args` replaces these. Empty: nothing to run.
std::vector<std::string> command_line(const SpecInput& in);

/// "NAME=value", each name once: the image's, then HOSTNAME, then the user's, then ours; later ones win.
/// Which GPUs the replica was handed out is ours to say, also to NVIDIA's runtime, for which images say
/// "all".
std::vector<std::string> environment(const SpecInput& in);

/// The user's, else the image's, else "/".
std::string working_directory(const SpecInput& in);

/// A replica's host name: its id, cut to the 63 characters that a host name may have.
std::string host_name(const ReplicaId& replica);

}  // namespace cloudless::runtime
