// Checks the ports of a spec, published ones included; called from check_spec. Pure.
#pragma once

#include <string>

#include "cloudless/api/workload.pb.h"
#include "messages/codec/violations.hpp"

namespace cloudless::codec {

/// Everything that is wrong with `spec.ports`; `path` is of the list. With host_network a port of the node is
/// the container's own.
void check_ports(const api::WorkloadSpec& spec, const std::string& path, Violations& v);

}  // namespace cloudless::codec
