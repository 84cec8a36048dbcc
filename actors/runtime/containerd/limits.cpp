// Limits of containers that run: changed in their control groups through containerd, without a restart.
#include <nlohmann/json.hpp>

#include "actors/runtime/containerd/containers.hpp"
#include "actors/runtime/containerd/oci_resources.hpp"

namespace cloudless::runtime {
namespace {

constexpr char kResourcesType[] = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";

/// As the kernel would say them once they are in force.
ResourceLimits in_force_as(const ResourceLimits& limits, std::int64_t node_cpu_millicores) {
  ResourceLimits out = limits;
  if (out.cpu_millicores && node_cpu_millicores > 0)
    out.cpu_millicores = std::min(*out.cpu_millicores, node_cpu_millicores);
  // The kernel counts in pages.
  if (out.memory_bytes) out.memory_bytes = *out.memory_bytes / kPageBytes * kPageBytes;
  out.pids = limits.pids.value_or(kDefaultPidsLimit);
  out.storage_bytes.reset();
  return out;
}

/// In v2 the kernel would kill the container to get below a limit; v1 refuses by itself, but less clearly.
Result<Nothing> check_memory(const CgroupTree& tree, const std::string& group, const ResourceLimits& limits) {
  if (!limits.memory_bytes) return Nothing{};
  const auto used = static_cast<std::int64_t>(tree.memory_in_use(group));
  if (used <= *limits.memory_bytes) return Nothing{};
  constexpr std::int64_t kMebibyte = 1 << 20;
  return fail(Errc::failed_precondition,
              "memory limit " + memory_text(*limits.memory_bytes) + " is below the " +
                  memory_text((used + kMebibyte - 1) / kMebibyte * kMebibyte) + " in use");
}

/// The writable layer's limit is part of how it was made.
Result<Nothing> check_storage(std::int64_t in_force, std::int64_t wanted) {
  if (in_force == wanted) return Nothing{};
  return fail(Errc::failed_precondition, "the storage limit stays " +
                                             (in_force == 0 ? std::string("absent") : memory_text(in_force)) +
                                             " until the container starts anew");
}

}  // namespace

Result<Nothing> Containers::update_limits(const ContainerId& container, const ResourceLimits& limits) {
  if (auto ready = ensure_ready(); !ready) return ready;
  const auto member = groups_.member(container);
  if (!member || !groups_.tree().in_use(member->group))
    return fail(Errc::not_found, "container " + container.value + " does not run");
  if (auto changed = change_limits(container, member->group, limits); !changed) return changed;
  return check_storage(member->storage_bytes, limits.storage_bytes.value_or(0));
}

Result<Nothing> Containers::change_limits(const ContainerId& container, const std::string& group,
                                          const ResourceLimits& limits) {
  const auto node_cpu = options_.bounds.cpu_millicores;
  if (groups_.tree().limits(group) == in_force_as(limits, node_cpu)) return Nothing{};
  if (auto enough = check_memory(groups_.tree(), group, limits); !enough) return enough;
  tasks_v1::UpdateTaskRequest request;
  request.set_container_id(container.value);
  request.mutable_resources()->set_type_url(kResourcesType);
  request.mutable_resources()->set_value(limit_resources(limits, node_cpu).dump());
  auto updated =
      client_.call(client_.tasks(), &tasks_v1::Tasks::Stub::Update, request, client_.scope("change limits"));
  if (updated) return Nothing{};
  Error error = updated.error();
  const bool passes = error.code == Errc::unavailable || error.code == Errc::deadline_exceeded ||
                      error.code == Errc::cancelled || error.code == Errc::not_found;
  if (!passes) error.code = Errc::failed_precondition;
  return fail(std::move(error));
}

}  // namespace cloudless::runtime
