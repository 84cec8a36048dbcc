// What containerd forgets when it or a shim is killed half-way through a start or an end: a shim that nobody
// talks to any more, a control group with processes that nobody waits for, a state of runc. Used by
// containers.cpp, and only for containers that containerd says it has no task of.
#pragma once

#include <sys/types.h>

#include <string>

#include "messages/domain/ids.hpp"

namespace cloudless::runtime {

/// Kills the shims that the containerd at `socket` started for this container of this namespace: another one
/// of the machine may have the same names.
void end_forgotten_shims(const std::string& socket, const std::string& containerd_namespace,
                         const ContainerId& container);

/// Kills every process in the container's control group, waits until they are gone (at most 2 s) and removes
/// the group from every hierarchy. `path` is below every root. Does nothing if there is no such group.
void end_forgotten_group(const std::string& path);

/// Ends the control group of every process that still writes into this logger's pipes, if the group is named
/// after the container's replica: of a container whose record is gone nobody knows the group.
void end_forgotten_writers(pid_t logger, const ContainerId& container);

/// Removes what runc remembers of a container in `root`, its directory of states.
void remove_forgotten_state(const std::string& root, const std::string& containerd_namespace,
                            const ContainerId& container);

}  // namespace cloudless::runtime
