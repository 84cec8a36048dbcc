// The owner's own look at what gateways send: a gateway may be of another version, and what is committed here
// is what agents run. The full check of what users wrote, field by field as in the API, is the gateway's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "messages/domain/command.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::workload_state {

inline constexpr std::uint32_t kMaxReplicas = 10000;

/// Every offending field with its path as in the API; empty: fine.
std::vector<Violation> validate(const WorkloadCommand& command);
/// More replicas than one atomic step can place; `path`: what to blame. Absent: fine.
std::optional<Violation> too_large_a_gang(const WorkloadSpec& spec, std::string path);

}  // namespace cloudless::workload_state
