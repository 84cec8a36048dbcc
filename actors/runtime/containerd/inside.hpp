// Ways into a running container from the outside: its root as a directory, its network, whom its processes
// run as. What is opened belongs to the container even if that ends meanwhile.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "actors/runtime/archive/descriptor.hpp"
#include "actors/runtime/containerd/client.hpp"

namespace cloudless::runtime {

/// "/proc/<pid>/<entry>" of the container's first process, opened with these flags. NOT_FOUND if there is no
/// such container, FAILED_PRECONDITION if it does not run.
Result<Descriptor> open_of_container(Client& client, const ContainerId& container, const char* entry,
                                     int flags);

/// User and group of the container's process, from its spec.
Result<std::pair<uid_t, gid_t>> user_of_container(Client& client, const ContainerId& container);

}  // namespace cloudless::runtime
