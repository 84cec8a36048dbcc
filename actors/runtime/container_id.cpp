#include <algorithm>
#include <string>

#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {
namespace {

/// containerd takes no two dashes in a row; a workload's name may have them, and cutting it may make them.
std::string without_dash_runs(const std::string& name) {
  std::string out;
  for (const char c : name)
    if (c != '-' || (!out.empty() && out.back() != '-')) out += c;
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

}  // namespace

std::string container_prefix(const ReplicaId& replica) {
  constexpr std::size_t kLongestName = 40;
  const std::string& id = replica.value;
  const auto ordinal = id.rfind('-');
  const auto uid =
      ordinal == std::string::npos || ordinal == 0 ? std::string::npos : id.rfind('-', ordinal - 1);
  if (uid == std::string::npos) return id + "-";
  return without_dash_runs(id.substr(0, std::min(uid, kLongestName))) + id.substr(uid) + "-";
}

ContainerId container_id(const Assignment& assignment, std::uint32_t attempt) {
  return ContainerId{container_prefix(assignment.replica) + std::to_string(attempt)};
}

}  // namespace cloudless::runtime
