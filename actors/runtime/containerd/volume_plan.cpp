#include "actors/runtime/containerd/volume_plan.hpp"

#include <algorithm>

#include "messages/domain/names.hpp"

namespace cloudless::runtime {
namespace {

constexpr char kAllowSetting[] = "policy.host_paths in the agent's settings";

Result<GrantedHostPath> grant_host_path(const Volume& volume, const HostPath& source,
                                        const NodePolicy& policy) {
  const std::pair<const std::string, std::string>* best = nullptr;
  for (const auto& rule : policy.host_paths)
    if (is_path_within(source.path, rule.first) && (!best || rule.first.size() > best->first.size()))
      best = &rule;
  const auto refuse = [&](const std::string& why) {
    return fail(Errc::failed_precondition, "volume " + volume.name + ": " + why);
  };
  if (!best)
    return refuse("this node does not allow host path " + source.path + "; " + kAllowSetting + " would");
  if (best->second != kReadWrite && !volume.read_only)
    return refuse("this node allows host path " + best->first + " read-only (" + kAllowSetting +
                  "): mount it with read_only");
  return GrantedHostPath{best->first, source.path, volume.read_only};
}

bool has_word(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Root of the machine's quotas: the kernel lets a holder of this capability exceed them.
bool is_above_quotas(const SecurityContext& security) {
  return security.privileged || has_word(security.capabilities_add, "SYS_RESOURCE") ||
         has_word(security.capabilities_add, "ALL");
}

std::size_t depth_of(const std::string& path) {
  return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

Result<PlannedVolume> plan_volume(const Volume& volume, const Assignment& assignment,
                                  const NodePolicy& policy) {
  PlannedVolume planned{"volumes/" + volume.name, {}};
  if (const auto* host = std::get_if<HostPath>(&volume.source)) {
    auto granted = grant_host_path(volume, *host, policy);
    if (!granted) return fail(granted.error());
    planned.source = std::move(*granted);
    return planned;
  }
  auto empty = std::get<EmptyDir>(volume.source);
  // Memory without a limit of its own would be half of the machine's: no more helps than what the container
  // may use.
  if (empty.memory && empty.size_limit_bytes == 0)
    empty.size_limit_bytes = assignment.limits.memory_bytes.value_or(0);
  if (!empty.memory && empty.size_limit_bytes > 0 && is_above_quotas(assignment.pod.security))
    return fail(
        Errc::failed_precondition,
        "volume " + volume.name +
            ": a size limit on disk does not bind a container that is privileged or has SYS_RESOURCE; "
            "leave out one of them");
  planned.source = empty;
  return planned;
}

}  // namespace

Result<VolumePlan> plan_volumes(const Assignment& assignment, const NodePolicy& policy) {
  const auto& pod = assignment.pod;
  VolumePlan plan;
  plan.replica = assignment.replica;
  plan.layer_limit = assignment.limits.storage_bytes.value_or(0);
  if (plan.layer_limit > 0 && is_above_quotas(pod.security))
    return fail(
        Errc::failed_precondition,
        "limits.storage_bytes does not bind a container that is privileged or has SYS_RESOURCE; leave "
        "out one of them");
  for (const auto& volume : pod.volumes) {
    auto planned = plan_volume(volume, assignment, policy);
    if (!planned) return fail(planned.error());
    plan.mounts.push_back({volume.mount_path, planned->place, volume.read_only});
    plan.volumes.push_back(std::move(*planned));
  }
  for (std::size_t i = 0; i < pod.config_files.size(); ++i) {
    const auto& file = pod.config_files[i];
    const auto place = "files/" + std::to_string(i);
    plan.files.push_back({place, file.content, file.mode});
    plan.mounts.push_back({file.path, place, true});
  }
  std::stable_sort(plan.mounts.begin(), plan.mounts.end(), [](const auto& a, const auto& b) {
    return depth_of(a.destination) < depth_of(b.destination);
  });
  return plan;
}

std::vector<SpecMount> spec_mounts(const VolumePlan& plan, const std::string& folder) {
  std::vector<SpecMount> out;
  for (const auto& m : plan.mounts)
    out.push_back({m.destination,
                   "bind",
                   folder + "/" + m.place,
                   {"bind", "rprivate", "nosuid", "nodev", m.read_only ? "ro" : "rw"}});
  return out;
}

Result<std::vector<std::string>> with_layer(std::vector<std::string> options, const std::string& layer) {
  bool upper = false, work = false;
  for (auto& option : options) {
    if (option.starts_with("upperdir=")) {
      option = "upperdir=" + layer + "/fs";
      upper = true;
    } else if (option.starts_with("workdir=")) {
      option = "workdir=" + layer + "/work";
      work = true;
    }
  }
  if (upper && work) return options;
  return fail(Errc::failed_precondition,
              "limits.storage_bytes needs containerd's overlayfs snapshotter, which this node does not use");
}

}  // namespace cloudless::runtime
