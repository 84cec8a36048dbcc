#include "actors/runtime/health.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

namespace cloudless::runtime {
namespace {

const ContainerId kContainer{"web-00000000ab-0-1"};

Probe http(const std::string& path, std::uint32_t failures = 2) {
  Probe probe;
  probe.check = HttpCheck{false, 80, path, {}};
  probe.period = 1000;
  probe.failure_threshold = failures;
  return probe;
}

struct Patient {
  Template pod;
  Now now{50'000, 1'700'000'000'000};
  Health health;

  void begin(bool adopted = false) { health = begin_health(pod, kContainer, now.steady, adopted, now); }

  /// Passes time until a question is due; the kinds that are asked.
  std::set<ProbeKind> next() {
    const auto at = next_question(health);
    REQUIRE(at.has_value());
    const Millis wait = std::max<Millis>(0, *at - now.steady);
    now.steady += wait;
    now.wall += wait;
    std::set<ProbeKind> kinds;
    for (const auto* run : ask_due(health, now.steady)) kinds.insert(run->kind);
    return kinds;
  }

  /// Answers every question of `time`, those whose kind is among `well` with success.
  std::optional<std::string> live(Millis time, const std::set<ProbeKind>& well) {
    const Millis end = now.steady + time;
    while (next_question(health) && *next_question(health) < end) {
      for (const auto kind : next()) {
        const auto run = std::find_if(health.runs.begin(), health.runs.end(),
                                      [&](const auto& candidate) { return candidate.kind == kind; });
        const ProbeAnswer answer = well.contains(kind)
                                       ? ProbeAnswer{ProbeOutcome::passed, {}}
                                       : ProbeAnswer{ProbeOutcome::failed, "HTTP 503 from /x"};
        if (auto why = take_answer(health, kContainer, kind, run->asked, answer, now)) return why;
      }
    }
    now.steady = end;
    return std::nullopt;
  }
};

using enum ProbeKind;

}  // namespace

TEST_CASE("without probes a container is ready, and nothing is asked") {
  Patient patient;
  patient.begin();
  CHECK(is_ready(patient.health));
  CHECK_FALSE(is_undecided(patient.health));
  CHECK(why_not_ready(patient.health).empty());
  CHECK_FALSE(next_question(patient.health).has_value());
}

TEST_CASE("readiness alone gates ready, liveness alone does not") {
  Patient ready;
  ready.pod.readiness = http("/ready");
  ready.begin();
  CHECK_FALSE(is_ready(ready.health));
  CHECK(why_not_ready(ready.health) == "readiness probe has not passed yet");
  CHECK_FALSE(ready.live(200, {}).has_value());
  CHECK(why_not_ready(ready.health) == "readiness probe has not passed yet: HTTP 503 from /x");
  CHECK_FALSE(ready.live(2000, {}).has_value());
  CHECK(why_not_ready(ready.health) == "readiness probe failed: HTTP 503 from /x");
  ready.live(2000, {readiness});
  CHECK(is_ready(ready.health));

  Patient alive;
  alive.pod.liveness = http("/health");
  alive.begin();
  CHECK(is_ready(alive.health));
}

TEST_CASE("a failed liveness or startup probe condemns the container with the reason, readiness never does") {
  struct Case {
    ProbeKind kind;
    std::optional<std::string> why;
  };
  const Case cases[] = {{startup, "startup probe failed: HTTP 503 from /x (2 times in a row)"},
                        {liveness, "liveness probe failed: HTTP 503 from /x (2 times in a row)"},
                        {readiness, std::nullopt}};
  for (const auto& c : cases) {
    Patient patient;
    (c.kind == startup    ? patient.pod.startup
     : c.kind == liveness ? patient.pod.liveness
                          : patient.pod.readiness) = http("/x");
    patient.begin();
    CHECK(patient.live(10'000, {}) == c.why);
  }
}

TEST_CASE("startup holds back the others until it passed, and is asked no more then") {
  Patient patient;
  patient.pod.startup = http("/start", 30);
  patient.pod.liveness = http("/health");
  patient.pod.readiness = http("/ready");
  patient.begin();
  for (int n = 0; n < 5; ++n) {
    CHECK(patient.next() == std::set<ProbeKind>{startup});
    take_answer(patient.health, kContainer, startup, patient.health.runs[0].asked,
                {ProbeOutcome::failed, "connection refused"}, patient.now);
  }
  CHECK(why_not_ready(patient.health) == "startup probe has not passed yet: connection refused");
  CHECK_FALSE(patient.live(1500, {startup, liveness, readiness}).has_value());
  CHECK(is_ready(patient.health));
  const auto asked = patient.health.runs[0].asked;
  patient.live(20'000, {startup, liveness, readiness});
  CHECK(patient.health.runs[0].asked == asked);
  CHECK(patient.health.runs[1].asked > 10);
  CHECK(patient.health.runs[2].asked > 10);
}

TEST_CASE("an adopted container is undecided until its probes have a verdict") {
  Patient patient;
  patient.pod.startup = http("/start");
  patient.pod.readiness = http("/ready");
  patient.begin(true);
  CHECK(is_undecided(patient.health));
  patient.live(1100, {startup});
  CHECK(is_undecided(patient.health));
  SUBCASE("it passes") {
    patient.live(3000, {readiness});
    CHECK(is_ready(patient.health));
    CHECK_FALSE(is_undecided(patient.health));
    patient.live(3000, {});
    CHECK_FALSE(is_ready(patient.health));
    CHECK_FALSE(is_undecided(patient.health));
  }
  SUBCASE("it fails") {
    patient.live(4000, {});
    CHECK_FALSE(is_undecided(patient.health));
    CHECK(why_not_ready(patient.health) == "readiness probe failed: HTTP 503 from /x");
  }
}

TEST_CASE("after its end nothing is asked, and late answers change nothing") {
  Patient patient;
  patient.pod.liveness = http("/health", 1);
  patient.begin();
  patient.next();
  end_health(patient.health);
  CHECK_FALSE(next_question(patient.health).has_value());
  CHECK_FALSE(take_answer(patient.health, kContainer, liveness, 1, {ProbeOutcome::failed, "x"}, patient.now)
                  .has_value());
  CHECK_FALSE(take_answer(patient.health, kContainer, startup, 1, {ProbeOutcome::failed, "x"}, patient.now)
                  .has_value());
}

TEST_CASE("questions of many containers that began together are spread out") {
  Template pod;
  pod.readiness = http("/ready");
  pod.readiness->period = 10'000;
  struct Each {
    ContainerId id;
    Health health;
  };
  std::vector<Each> all;
  const Now begun{1000, 1};
  for (int n = 0; n < 500; ++n) {
    const ContainerId id{"web-00000000ab-" + std::to_string(n) + "-1"};
    all.push_back({id, begin_health(pod, id, begun.steady, true, begun)});
  }
  std::map<Millis, int> asked;  // in each 100 ms
  for (Millis now = begun.steady; now < 31'000; now += 10)
    for (auto& each : all)
      for (const auto* run : ask_due(each.health, now)) {
        ++asked[now / 100];
        take_answer(each.health, each.id, readiness, run->asked, {ProbeOutcome::passed, {}}, {now, 1});
      }
  int most = 0;
  for (const auto& [when, count] : asked) most = std::max(most, count);
  CHECK(most <= 20);  // 5 on average
}

}  // namespace cloudless::runtime
