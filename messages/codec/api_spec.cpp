#include "messages/codec/api_spec.hpp"

#include <map>

#include "messages/codec/bounds.hpp"
#include "messages/codec/check_placement.hpp"
#include "messages/codec/check_ports.hpp"
#include "messages/codec/check_probes.hpp"
#include "messages/codec/check_pull_secrets.hpp"
#include "messages/codec/check_resources.hpp"
#include "messages/codec/check_rollout.hpp"
#include "messages/codec/check_security.hpp"
#include "messages/codec/check_volumes.hpp"
#include "messages/codec/spec_message.hpp"
#include "messages/domain/image_reference.hpp"
#include "messages/domain/names.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxWords = 256;
constexpr std::size_t kMaxWord = 4096;
constexpr std::size_t kMaxEnv = 256;
constexpr std::size_t kMaxEnvValue = 32 << 10;
constexpr std::size_t kMaxLabels = 64;
constexpr std::size_t kMaxAnnotationKey = 253;
constexpr std::size_t kMaxAnnotations = 64 << 10;

bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

template <class Words>
void check_words(const Words& words, const std::string& path, Violations& v) {
  v.check_count(path, static_cast<std::size_t>(words.size()), kMaxWords);
  std::size_t index = 0;
  for (const auto& word : words) {
    if (word.size() > kMaxWord) v.add(item(path, index), "is longer than 4096 bytes");
    if (has_nul(word)) v.add(item(path, index), "contains a NUL character");
    ++index;
  }
}

void check_env(const api::WorkloadSpec& spec, const std::string& path, Violations& v) {
  v.check_count(path, static_cast<std::size_t>(spec.env_size()), kMaxEnv);
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < static_cast<std::size_t>(spec.env_size()); ++i) {
    const auto& variable = spec.env(static_cast<int>(i));
    const auto name_path = join(item(path, i), "name");
    const auto value_path = join(item(path, i), "value");
    if (!is_env_name(variable.name())) {
      v.add(name_path, variable.name().empty()
                           ? "is required"
                           : "must be 1-256 characters of [A-Za-z0-9_.-], beginning with a letter or '_'");
    } else if (const auto [first, fresh] = seen.emplace(variable.name(), i); !fresh) {
      v.add(name_path, "is '" + variable.name() + "' again, as in " + item(path, first->second));
    }
    if (variable.value().size() > kMaxEnvValue) v.add(value_path, "is longer than 32 KiB");
    if (has_nul(variable.value())) v.add(value_path, "contains a NUL character");
  }
}

void check_restart(const api::RestartPolicy& restart, const std::string& path, Violations& v) {
  if (!api::RestartPolicy::Mode_IsValid(restart.mode()))
    v.add(path + ".mode",
          "is " + std::to_string(restart.mode()) + ", which is not a known mode (ALWAYS, ON_FAILURE, NEVER)");
  const auto& backoff = restart.backoff();
  const Backoff defaults;
  const auto initial =
      backoff.has_initial_ms() ? backoff.initial_ms() : static_cast<std::uint64_t>(defaults.initial);
  const auto max = backoff.has_max_ms() ? backoff.max_ms() : static_cast<std::uint64_t>(defaults.max);
  v.check_range(path + ".backoff.initial_ms", initial, 10, kHour);
  if (max < initial)
    v.add(path + ".backoff.max_ms", "is " + std::to_string(max) +
                                        (backoff.has_max_ms() ? "" : " by default") +
                                        ", below initial_ms, which is " + std::to_string(initial));
  else
    v.check_range(path + ".backoff.max_ms", max, 0, kDay);
  if (backoff.has_reset_after_ms())
    v.check_range(path + ".backoff.reset_after_ms", backoff.reset_after_ms(), 0, kDay);
}

void check_annotations(const google::protobuf::Map<std::string, std::string>& annotations,
                       const std::string& path, Violations& v) {
  v.check_count(path, annotations.size(), kMaxLabels);
  std::size_t total = 0;
  const std::map<std::string, std::string> ordered(annotations.begin(), annotations.end());
  for (const auto& [key, value] : ordered) {
    total += key.size() + value.size();
    if (key.empty() || key.size() > kMaxAnnotationKey)
      v.add(path + "[" + key.substr(0, kMaxAnnotationKey) + "]", "has a key that is not 1-253 bytes long");
  }
  if (total > kMaxAnnotations) v.add(path, "is " + std::to_string(total) + " bytes together, at most 65536");
}

void check_not_carried_out(const api::WorkloadSpec& spec, const std::string& path, Violations& v) {
  if (spec.exclusive()) v.add_unimplemented(join(path, "exclusive"));
}

}  // namespace

void check_labels(const google::protobuf::Map<std::string, std::string>& labels, const std::string& path,
                  Violations& v) {
  v.check_count(path, labels.size(), kMaxLabels);
  const std::map<std::string, std::string> ordered(labels.begin(), labels.end());
  for (const auto& [key, value] : ordered) {
    const auto here = path + "[" + key.substr(0, 80) + "]";
    if (!is_label_key(key)) v.add(here, "has a key that is not 1-63 characters of [A-Za-z0-9._/-]");
    if (!is_label_value(value)) v.add(here, "has a value that is not 0-63 characters of [A-Za-z0-9._/-]");
  }
}

void check_spec(const api::WorkloadSpec& spec, const std::string& path, Violations& v) {
  if (auto reason = image_reference_error(spec.image()); !reason.empty())
    v.add(join(path, "image"), std::move(reason));
  check_words(spec.command(), join(path, "command"), v);
  if (spec.command_size() > 0 && spec.command(0).empty())
    v.add(join(path, "command[0]"), "is empty: it names the program");
  check_words(spec.args(), join(path, "args"), v);
  check_env(spec, join(path, "env"), v);
  const auto& directory = spec.working_dir();
  if (!directory.empty() && (directory.front() != '/' || directory.size() > kMaxWord || has_nul(directory)))
    v.add(join(path, "working_dir"), "must be an absolute path of at most 4096 bytes, without NUL");
  check_resources(spec.resources(), join(path, "resources"), v);
  if (spec.has_replicas()) v.check_range(join(path, "replicas"), spec.replicas(), 0, kMaxReplicas);
  check_restart(spec.restart_policy(), join(path, "restart_policy"), v);
  check_rollout(spec, join(path, "rollout"), v);
  check_ports(spec, join(path, "ports"), v);
  check_probes(spec, path, v);
  if (!api::ImagePullPolicy_IsValid(spec.image_pull_policy()))
    v.add(join(path, "image_pull_policy"), "is " + std::to_string(spec.image_pull_policy()) +
                                               ", which is not a known policy (IMAGE_PULL_POLICY_ALWAYS, "
                                               "IMAGE_PULL_POLICY_IF_NOT_PRESENT, IMAGE_PULL_POLICY_NEVER)");
  check_labels(spec.labels(), join(path, "labels"), v);
  check_annotations(spec.annotations(), join(path, "annotations"), v);
  if (spec.has_termination_grace_period_ms())
    v.check_range(join(path, "termination_grace_period_ms"), spec.termination_grace_period_ms(), 0, kHour);
  check_pull_secrets(spec, path, v);
  check_security(spec, path, v);
  check_volumes(spec, path, v);
  check_placement(spec, path, v);
  check_not_carried_out(spec, path, v);
}

Result<WorkloadSpec> parse_spec(const api::WorkloadSpec& spec) {
  Violations violations;
  check_spec(spec, "spec", violations);
  violations.check_known(spec, "spec");
  if (auto error = violations.error("the workload's spec")) return fail(std::move(*error));
  WorkloadSpec out;
  if (!read(spec, out)) return fail(Errc::internal, "a checked spec has no domain value");
  return out;
}

api::WorkloadSpec to_api(const WorkloadSpec& spec) {
  api::WorkloadSpec out;
  write(spec, out);
  return out;
}

}  // namespace cloudless::codec
