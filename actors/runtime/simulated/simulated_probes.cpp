#include "actors/runtime/simulated/simulated_probes.hpp"

#include <string>

namespace cloudless::runtime {
namespace {

constexpr Millis kAnswerTakes = 2;
constexpr Millis kFlaps = 10;

ProbeAnswer unavailable(const std::string& path) {
  return {ProbeOutcome::failed, "HTTP 503 from " + path};
}

ProbeAnswer answer_of(const SimulatedRuntime& machine, const ProbeQuestion& question) {
  if (std::holds_alternative<ExecCheck>(question.check) && machine.away())
    return {ProbeOutcome::unknown, "the container runtime is away"};
  const auto seen = machine.look_at(question.container);
  if (!seen) return {ProbeOutcome::failed, "connection refused by " + question.address};
  const auto* http = std::get_if<HttpCheck>(&question.check);
  const std::string path = http ? http->path : "";
  const Behaviour& behaviour = seen->behaviour;
  if (path == "/ready") {
    if (seen->runs_for < behaviour.ready_after) return unavailable(path);
    const Millis flap = behaviour.flap;
    if (flap > 0 && seen->runs_for < kFlaps * flap && seen->runs_for / flap % 2 == 1)
      return unavailable(path);
  }
  if (path == "/health" && behaviour.sick_after && seen->runs_for >= *behaviour.sick_after)
    return unavailable(path);
  return {ProbeOutcome::passed, {}};
}

}  // namespace

GiveUp SimulatedProbes::ask(ProbeQuestion question, std::function<void(ProbeAnswer)> done) {
  ++asked_;
  const auto seen = machine_.look_at(question.container);
  if (seen && seen->behaviour.silent) {
    post_(question.timeout, [done = std::move(done)] { done({ProbeOutcome::failed, "no answer in time"}); });
    return {};
  }
  post_(kAnswerTakes, [this, question = std::move(question), done = std::move(done)] {
    const auto answer = answer_of(machine_, question);
    const auto* http = std::get_if<HttpCheck>(&question.check);
    if (answer.outcome == ProbeOutcome::passed && http && http->path == "/ready")
      were_ready_.insert(question.container);
    done(answer);
  });
  return {};
}

}  // namespace cloudless::runtime
