#include "actors/runtime/health.hpp"

#include <algorithm>
#include <utility>

namespace cloudless::runtime {
namespace {

/// The same question of the same container has the same jitter (FNV-1a, then splitmix64's finish), so that a
/// run can be replayed.
Jitter jitter_of(const ContainerId& container, ProbeKind kind, std::uint64_t number) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char c : container.value) hash = (hash ^ c) * 0x100000001b3u;
  hash += (number * 4 + static_cast<std::uint64_t>(kind)) * 0x9e3779b97f4a7c15u;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return static_cast<Jitter>((hash ^ (hash >> 31)) % 1'000'000);
}

const ProbeRun* run_of(const Health& health, ProbeKind kind) {
  for (const auto& run : health.runs)
    if (run.kind == kind) return &run;
  return nullptr;
}

bool passes(const Health& health, ProbeKind kind) {
  const ProbeRun* run = run_of(health, kind);
  return !run || run->standing == ProbeStanding::passing;
}

void begin(ProbeRun& run, const Health& health, const ContainerId& container, Millis now) {
  const Jitter jitter = jitter_of(container, run.kind, 0);
  run.ask_at = health.adopted ? first_question_again(run.spec, health.started_at, now, jitter)
                              : first_question(run.spec, health.started_at, jitter);
}

std::string failed(const ProbeRun& run, const std::string& words) {
  std::string out = std::string(to_string(run.kind)) + " probe failed: " + words;
  if (run.spec.failure_threshold > 1)
    out += " (" + std::to_string(run.spec.failure_threshold) + " times in a row)";
  return out;
}

}  // namespace

Health begin_health(const Template& pod, const ContainerId& container, Millis started_at, bool adopted,
                    Now now) {
  Health health{{}, started_at, adopted};
  const std::pair<ProbeKind, const std::optional<Probe>&> all[] = {{ProbeKind::startup, pod.startup},
                                                                   {ProbeKind::liveness, pod.liveness},
                                                                   {ProbeKind::readiness, pod.readiness}};
  for (const auto& [kind, spec] : all) {
    if (!spec) continue;
    auto& run = health.runs.emplace_back();
    run.kind = kind;
    run.spec = *spec;
    if (kind == ProbeKind::startup || !pod.startup) begin(run, health, container, now.steady);
  }
  return health;
}

std::vector<const ProbeRun*> ask_due(Health& health, Millis now) {
  std::vector<const ProbeRun*> due;
  for (auto& run : health.runs)
    if (ask_if_due(run, now)) due.push_back(&run);
  return due;
}

std::optional<std::string> take_answer(Health& health, const ContainerId& container, ProbeKind kind,
                                       std::uint64_t number, const ProbeAnswer& answer, Now now) {
  const auto run = std::find_if(health.runs.begin(), health.runs.end(),
                                [&](const auto& candidate) { return candidate.kind == kind; });
  if (run == health.runs.end()) return std::nullopt;
  const bool changed = take_answer(*run, number, answer, now, jitter_of(container, kind, number));
  if (!changed) return std::nullopt;
  if (run->standing == ProbeStanding::failing && kind != ProbeKind::readiness)
    return failed(*run, answer.text);
  if (run->standing == ProbeStanding::passing && kind == ProbeKind::startup) {
    end_probe(*run);
    for (auto& other : health.runs)
      if (other.kind != ProbeKind::startup) begin(other, health, container, now.steady);
  }
  return std::nullopt;
}

void end_health(Health& health) {
  for (auto& run : health.runs) end_probe(run);
}

std::optional<Millis> next_question(const Health& health) {
  std::optional<Millis> next;
  for (const auto& run : health.runs)
    if (run.ask_at && (!next || *run.ask_at < *next)) next = run.ask_at;
  return next;
}

bool is_ready(const Health& health) {
  return passes(health, ProbeKind::startup) && passes(health, ProbeKind::readiness);
}

bool is_undecided(const Health& health) {
  return health.adopted && !is_ready(health) &&
         std::none_of(health.runs.begin(), health.runs.end(),
                      [](const auto& run) { return run.standing == ProbeStanding::failing; });
}

std::string why_not_ready(const Health& health) {
  for (const auto kind : {ProbeKind::startup, ProbeKind::readiness}) {
    if (passes(health, kind)) continue;
    const ProbeRun& run = *run_of(health, kind);
    std::string out = std::string(to_string(kind)) + " probe " +
                      (run.standing == ProbeStanding::failing ? "failed" : "has not passed yet");
    return run.failure.empty() ? out : out + ": " + run.failure;
  }
  return {};
}

std::vector<ProbeStatus> statuses_of(const Health& health) {
  std::vector<ProbeStatus> out;
  for (const auto& run : health.runs) out.push_back(status_of(run));
  return out;
}

}  // namespace cloudless::runtime
