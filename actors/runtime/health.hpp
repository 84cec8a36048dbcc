// The probes of one running container together: startup holds back the others, a failed startup or liveness
// probe condemns the container, readiness gates ready. Pure; lifecycle.cpp asks and answers it. Always holds:
// what is decided depends on steady time and answers only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/runtime/probe.hpp"
#include "messages/domain/time.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::runtime {

struct Health {
  std::vector<ProbeRun> runs;  ///< at most one per kind, in the order startup, liveness, readiness
  Millis started_at = 0;       ///< steady
  /// It was found running: until there is a verdict, what an earlier agent said of its readiness stays.
  bool adopted = false;
};

/// Of a container that runs since `started_at` (steady). Its id spreads the questions of many containers.
Health begin_health(const Template& pod, const ContainerId& container, Millis started_at, bool adopted,
                    Now now);

/// The probes whose question is due; they count as asked.
std::vector<const ProbeRun*> ask_due(Health& health, Millis now);

/// Takes an answer. Returns why the container has to be ended, if it has: "liveness probe failed: HTTP 503
/// from /health (3 times in a row)".
std::optional<std::string> take_answer(Health& health, const ContainerId& container, ProbeKind kind,
                                       std::uint64_t number, const ProbeAnswer& answer, Now now);

/// The container ends: nothing is asked any more.
void end_health(Health& health);

/// When the next question is due, steady; absent: only an answer brings one.
std::optional<Millis> next_question(const Health& health);

/// Startup and readiness have passed, as far as there are such probes.
bool is_ready(const Health& health);
/// Neither ready nor failed after an adoption.
bool is_undecided(const Health& health);
/// What a container that is not ready waits for; empty when it is ready.
std::string why_not_ready(const Health& health);

std::vector<ProbeStatus> statuses_of(const Health& health);

}  // namespace cloudless::runtime
