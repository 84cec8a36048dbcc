#include "actors/runtime/probe.hpp"

#include <doctest/doctest.h>

#include <random>

namespace cloudless::runtime {
namespace {

constexpr WallMillis kWall = 1'700'000'000'000;
constexpr Jitter kHalf = 500'000;  ///< moves nothing

Probe some_probe(std::uint32_t successes = 1, std::uint32_t failures = 3) {
  Probe probe;
  probe.check = HttpCheck{false, 80, "/ready", {}};
  probe.period = 1000;
  probe.timeout = 500;
  probe.success_threshold = successes;
  probe.failure_threshold = failures;
  return probe;
}

ProbeRun begun(const Probe& spec, Millis at = 0) {
  ProbeRun run;
  run.spec = spec;
  run.ask_at = at;
  return run;
}

const ProbeAnswer kPass{ProbeOutcome::passed, {}};
const ProbeAnswer kFail{ProbeOutcome::failed, "HTTP 503 from /ready"};
const ProbeAnswer kUnknown{ProbeOutcome::unknown, "the container runtime is away"};

/// One period: asks when it is due and answers at once.
bool ask_and_answer(ProbeRun& run, const ProbeAnswer& answer) {
  const Millis now = *run.ask_at;
  REQUIRE(ask_if_due(run, now));
  return take_answer(run, run.asked, answer, {now, kWall + now}, kHalf);
}

}  // namespace

TEST_CASE("a probe's standing follows its answers in a row") {
  using enum ProbeStanding;
  struct Case {
    std::uint32_t successes, failures;
    const char* answers;  ///< p passes, f fails, u is unknown
    ProbeStanding standing;
  };
  const Case cases[] = {
      {1, 3, "", waiting},         {1, 3, "p", passing},        {1, 3, "ff", waiting},
      {1, 3, "fff", failing},      {1, 3, "ffpff", passing},    {1, 3, "ffpfff", failing},
      {1, 3, "fffp", passing},     {2, 1, "p", waiting},        {2, 1, "pp", passing},
      {2, 1, "pfp", failing},      {2, 1, "fpp", passing},      {2, 1, "ppf", failing},
      {3, 2, "ppfpp", waiting},    {3, 2, "pppfppfp", passing}, {1, 3, "uuuuu", waiting},
      {1, 3, "fufuf", failing},    {1, 1, "pu", passing},       {1, 1, "fu", failing},
      {100, 100, "pfpf", waiting}, {2, 2, "fpfpfpfp", waiting},
  };
  for (const auto& c : cases) {
    CAPTURE(c.answers);
    auto run = begun(some_probe(c.successes, c.failures));
    for (const char* answer = c.answers; *answer != 0; ++answer)
      ask_and_answer(run, *answer == 'p' ? kPass : *answer == 'f' ? kFail : kUnknown);
    CHECK(run.standing == c.standing);
  }
}

TEST_CASE("one question at a time, a period apart, the sooner the later the answer came") {
  auto run = begun(some_probe(), 100);
  CHECK_FALSE(ask_if_due(run, 99));
  CHECK(ask_if_due(run, 105));
  CHECK_FALSE(ask_if_due(run, 10'000));
  take_answer(run, run.asked, kPass, {300, kWall}, kHalf);
  CHECK(run.ask_at == 1100);
  CHECK(ask_if_due(run, 1105));
  take_answer(run, run.asked, kPass, {9000, kWall}, kHalf);
  CHECK(run.ask_at == 9000);
}

TEST_CASE("late, repeated and made-up answers change nothing") {
  auto run = begun(some_probe(1, 1));
  const auto before = run;
  CHECK_FALSE(take_answer(run, 0, kFail, {1, kWall}, kHalf));
  CHECK_FALSE(take_answer(run, 1, kFail, {1, kWall}, kHalf));
  CHECK(run == before);
  REQUIRE(ask_if_due(run, 0));
  CHECK_FALSE(take_answer(run, 2, kFail, {1, kWall}, kHalf));
  CHECK(take_answer(run, 1, kPass, {1, kWall}, kHalf));
  CHECK_FALSE(take_answer(run, 1, kFail, {2, kWall}, kHalf));
  CHECK(run.standing == ProbeStanding::passing);
  REQUIRE(ask_if_due(run, 5000));
  end_probe(run);
  CHECK_FALSE(take_answer(run, 2, kFail, {5001, kWall}, kHalf));
  CHECK_FALSE(run.ask_at.has_value());
}

TEST_CASE("jitter moves questions within its bounds and never before the initial delay") {
  auto spec = some_probe();
  spec.initial_delay = 5000;
  for (const Jitter jitter : {0u, 1u, 500'000u, 999'999u}) {
    CAPTURE(jitter);
    const Millis first = first_question(spec, 100, jitter);
    CHECK(first >= 5100);
    CHECK(first <= 5200);
    const Millis again = first_question_again(spec, 100, 50'000, jitter);
    CHECK(again >= 50'000);
    CHECK(again <= 51'000);
    CHECK(first_question_again(spec, 100, 200, jitter) >= 5100);
    auto run = begun(spec);
    REQUIRE(ask_if_due(run, 0));
    take_answer(run, 1, kPass, {1, kWall}, jitter);
    CHECK(*run.ask_at >= 950);
    CHECK(*run.ask_at <= 1050);
  }
}

TEST_CASE(
    "after the first question, probes are asked at moments that they share, and no probe's period drifts") {
  struct Case {
    Millis period, slot;
  };
  for (const auto& c : {Case{1, 1}, Case{50, 1}, Case{100, 5}, Case{200, 10}, Case{999, 10}, Case{1000, 50},
                        Case{10'000, 50}, Case{3'600'000, 50}}) {
    CAPTURE(c.period);
    std::mt19937_64 random(7);
    for (int n = 0; n < 50; ++n) {
      auto spec = some_probe();
      spec.period = c.period;
      const Millis first = static_cast<Millis>(random() % 100'000);
      auto run = begun(spec, first);
      constexpr int kQuestions = 400;
      for (int k = 0; k < kQuestions; ++k) {
        const Millis asked = *run.ask_at;
        REQUIRE(ask_if_due(run, asked));
        take_answer(run, run.asked, kPass, {asked, kWall}, static_cast<Jitter>(random() % 1'000'000));
        REQUIRE(*run.ask_at % c.slot == 0);
        REQUIRE(*run.ask_at >= asked + c.period - c.period / 20);
        REQUIRE(*run.ask_at <= asked + c.period + c.period / 20 + 1);
      }
      if (c.period < 100) continue;  // milliseconds are too coarse for more
      CHECK(*run.ask_at - first >= kQuestions * c.period * 98 / 100);
      CHECK(*run.ask_at - first <= kQuestions * c.period * 102 / 100);
    }
  }
}

TEST_CASE("a change is a new standing or, while it is not passing, a failure in new words now and then") {
  auto run = begun(some_probe());
  CHECK(ask_and_answer(run, kFail));
  CHECK(status_of(run).failure == "HTTP 503 from /ready");
  CHECK(status_of(run).since == kWall);
  CHECK_FALSE(ask_and_answer(run, kFail));
  CHECK(ask_and_answer(run, kFail));
  CHECK(status_of(run).standing == ProbeStanding::failing);
  CHECK(status_of(run).since == kWall);
  int changes = 0;
  for (int n = 0; n < 120; ++n)
    changes += ask_and_answer(run, {ProbeOutcome::failed, "failure " + std::to_string(n)}) ? 1 : 0;
  CHECK(changes >= 5);
  CHECK(changes <= 8);
  CHECK(ask_and_answer(run, kPass));
  CHECK_FALSE(ask_and_answer(run, kPass));
  const auto passing = status_of(run);
  CHECK_FALSE(ask_and_answer(run, {ProbeOutcome::failed, "once"}));
  CHECK(status_of(run) == passing);
}

TEST_CASE(
    "whatever is answered, a probe is asked about once a period and its counts stay within thresholds") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    auto run = begun(some_probe(1 + static_cast<std::uint32_t>(random() % 4),
                                1 + static_cast<std::uint32_t>(random() % 4)));
    Millis now = 0;
    std::uint64_t asked = 0;
    const ProbeAnswer* answers[] = {&kPass, &kFail, &kUnknown};
    while (now < 100'000) {
      if (ask_if_due(run, now)) {
        ++asked;
        now += static_cast<Millis>(random() % 400);
        take_answer(run, run.asked, *answers[random() % 3], {now, kWall - now},
                    static_cast<Jitter>(random() % 1'000'000));
      }
      REQUIRE(run.ask_at.has_value());
      CHECK(run.passes <= run.spec.success_threshold);
      CHECK(run.failures <= run.spec.failure_threshold);
      CHECK((run.passes == 0 || run.failures == 0));
      now = std::max(now, *run.ask_at);
    }
    CHECK(asked >= 94);
    CHECK(asked <= 107);
  }
}

}  // namespace cloudless::runtime
