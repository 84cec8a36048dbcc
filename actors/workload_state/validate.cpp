#include "actors/workload_state/validate.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace cloudless::workload_state {
namespace {

class Checker {
 public:
  void require(bool holds, std::string path, std::string reason) {
    if (!holds) found_.push_back({std::move(path), std::move(reason)});
  }
  void add(Violation violation) { found_.push_back(std::move(violation)); }
  std::vector<Violation> take() { return std::move(found_); }

 private:
  std::vector<Violation> found_;
};

/// RFC 1123: replica and container ids are made of it.
bool is_dns_label(std::string_view s) {
  const auto inner = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !s.empty() && s.size() <= 63 && std::all_of(s.begin(), s.end(), inner) && s.front() != '-' &&
         s.back() != '-';
}

void check_replicas(Checker& check, std::uint32_t replicas, const std::string& path) {
  check.require(replicas <= kMaxReplicas, path,
                "is " + std::to_string(replicas) + "; at most " + std::to_string(kMaxReplicas));
}

void check_policy(Checker& check, const RolloutPolicy& policy) {
  const auto is_zero = [](const std::optional<IntOrPercent>& amount) { return amount && amount->value == 0; };
  const auto is_share = [](const std::optional<IntOrPercent>& amount) {
    return !amount || !amount->percent || amount->value <= 100;
  };
  check.require(is_share(policy.max_surge), "spec.rollout.max_surge.percent", "is above 100");
  check.require(is_share(policy.max_unavailable), "spec.rollout.max_unavailable.percent", "is above 100");
  check.require(policy.strategy != RolloutStrategy::rolling_update || !is_zero(policy.max_surge) ||
                    !is_zero(policy.max_unavailable),
                "spec.rollout.max_surge",
                "and max_unavailable are both 0, so nothing could ever be replaced; raise one of them");
}

void check_spec(Checker& check, const WorkloadSpec& spec) {
  const Template& pod = spec.pod;
  check.require(!pod.image.empty(), "spec.image", "is required");
  check_replicas(check, spec.replicas, "spec.replicas");
  const Resources& r = pod.requests;
  check.require(r.cpu_millicores >= 0, "spec.resources.requests.cpu_millicores", "is negative");
  check.require(r.memory_bytes >= 0, "spec.resources.requests.memory_bytes", "is negative");
  check.require(r.storage_bytes >= 0, "spec.resources.requests.storage_bytes", "is negative");
  check.require(r.bandwidth_bps >= 0, "spec.resources.requests.bandwidth_bps", "is negative");
  check.require(r.gpu_count >= 0, "spec.resources.requests.gpu_count", "is negative");
  check.require(spec.limits.cpu_millicores.value_or(r.cpu_millicores) >= r.cpu_millicores,
                "spec.resources.limits.cpu_millicores", "is below the request");
  check.require(spec.limits.memory_bytes.value_or(r.memory_bytes) >= r.memory_bytes,
                "spec.resources.limits.memory_bytes", "is below the request");
  check_policy(check, spec.rollout);
  if (auto wrong = too_large_a_gang(spec, "spec.all_or_nothing")) check.add(std::move(*wrong));
}

void check_control(Checker& check, const ControlRollout& control) {
  check.require(control.to_version == 0 || control.action == RolloutAction::undo, "to_version",
                "goes with undo only; leave it out");
}

}  // namespace

std::optional<Violation> too_large_a_gang(const WorkloadSpec& spec, std::string path) {
  if (!spec.all_or_nothing || spec.replicas <= kMaxGang) return std::nullopt;
  return Violation{std::move(path), "goes with at most " + std::to_string(kMaxGang) +
                                        " replicas, which are placed in one atomic step; " +
                                        std::to_string(spec.replicas) + " are asked for"};
}

std::vector<Violation> validate(const WorkloadCommand& command) {
  Checker check;
  const auto name = [&](const auto& action) {
    check.require(is_dns_label(action.ns), "namespace",
                  "is not a DNS label (a-z, 0-9, '-'; 1-63 characters)");
    check.require(is_dns_label(action.name), "name", "is not a DNS label (a-z, 0-9, '-'; 1-63 characters)");
  };
  std::visit(name, command.action);
  if (const auto* create = std::get_if<CreateWorkload>(&command.action)) check_spec(check, create->spec);
  if (const auto* update = std::get_if<UpdateWorkload>(&command.action)) check_spec(check, update->spec);
  if (const auto* scale = std::get_if<ScaleWorkload>(&command.action))
    check_replicas(check, scale->replicas, "replicas");
  if (const auto* rollout = std::get_if<ControlRollout>(&command.action)) check_control(check, *rollout);
  return check.take();
}

}  // namespace cloudless::workload_state
