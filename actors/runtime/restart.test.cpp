#include "actors/runtime/restart.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

RestartPolicy policy(RestartMode mode, std::optional<std::uint32_t> max_retries = {}) {
  return {mode, max_retries, {1000, 60000, 60000}};
}

AttemptEnd exited(std::int32_t code, Millis ran_for = 0) {
  return {EndKind::exited, code, ran_for};
}

}  // namespace

TEST_CASE("the pause doubles with each end in a row up to the ceiling") {
  const Backoff backoff{1000, 60000, 60000};
  const Millis expected[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
  for (std::uint32_t n = 1; n <= 8; ++n) CHECK(backoff_pause(backoff, n) == expected[n - 1]);
  CHECK(backoff_pause(backoff, 4'000'000'000u) == 60000);
  CHECK(backoff_pause({86'400'000, 86'400'000, 0}, 50) == 86'400'000);
  CHECK(backoff_pause({0, 0, 0}, 3) == 0);
}

TEST_CASE("the restart mode decides what follows an end") {
  struct Case {
    RestartMode mode;
    AttemptEnd end;
    Verdict verdict;
  };
  using enum RestartMode;
  const Case cases[] = {
      {always, exited(0), Verdict::restart},
      {always, exited(1), Verdict::restart},
      {on_failure, exited(0), Verdict::succeeded},
      {on_failure, exited(1), Verdict::restart},
      {never, exited(0), Verdict::succeeded},
      {never, exited(137), Verdict::failed},
      {always, {EndKind::vanished, 0, 0}, Verdict::restart},
      {on_failure, {EndKind::vanished, 0, 0}, Verdict::restart},
      {never, {EndKind::vanished, 0, 0}, Verdict::failed},
      {always, {EndKind::unhealthy, 0, 0}, Verdict::restart},
      {on_failure, {EndKind::unhealthy, 0, 0}, Verdict::restart},
      {never, {EndKind::unhealthy, 0, 0}, Verdict::failed},
      {never, {EndKind::no_image, 0, 0}, Verdict::restart},
      {never, {EndKind::start_failed, 0, 0}, Verdict::restart},
      {never, {EndKind::interrupted, 0, 0}, Verdict::restart},
  };
  for (const auto& c : cases) {
    CAPTURE(static_cast<int>(c.mode));
    CAPTURE(static_cast<int>(c.end.kind));
    CAPTURE(c.end.exit_code);
    CHECK(decide_restart(policy(c.mode), {}, c.end).verdict == c.verdict);
  }
}

TEST_CASE("after max_retries restarts in a row the replica is over") {
  for (const auto& end :
       {exited(1), AttemptEnd{EndKind::start_failed, 0, 0}, AttemptEnd{EndKind::vanished, 0, 0}}) {
    Tally tally;
    for (int n = 0; n < 2; ++n) {
      const auto decision = decide_restart(policy(RestartMode::always, 2), tally, end);
      CHECK(decision.verdict == Verdict::restart);
      tally = decision.tally;
    }
    CHECK(decide_restart(policy(RestartMode::always, 2), tally, end).verdict == Verdict::failed);
  }
  CHECK(decide_restart(policy(RestartMode::always, 0), {}, exited(0)).verdict == Verdict::succeeded);
}

TEST_CASE("a missing image and an interruption do not use up retries") {
  Tally tally;
  for (int n = 0; n < 10; ++n) {
    const auto decision = decide_restart(policy(RestartMode::always, 1), tally, {EndKind::no_image, 0, 0});
    CHECK(decision.verdict == Verdict::restart);
    tally = decision.tally;
  }
  CHECK(tally == Tally{10, 0});
  CHECK(decide_restart(policy(RestartMode::always, 1), tally, {EndKind::interrupted, 0, 0}).tally == tally);
}

TEST_CASE("a stable run sets the pause and the retries back") {
  const auto unstable = decide_restart(policy(RestartMode::always, 3), {5, 3}, exited(1, 59999));
  CHECK(unstable.verdict == Verdict::failed);
  const auto stable = decide_restart(policy(RestartMode::always, 3), {5, 3}, exited(1, 60000));
  CHECK(stable.verdict == Verdict::restart);
  CHECK(stable.pause == 1000);
  CHECK(stable.tally == Tally{1, 1});
}

TEST_CASE("only a replica that failed because of max_retries says that they are used up") {
  CHECK(decide_restart(policy(RestartMode::always, 2), {2, 2}, exited(1)).retries_used_up);
  CHECK_FALSE(decide_restart(policy(RestartMode::always, 0), {}, exited(1)).retries_used_up);
  CHECK_FALSE(decide_restart(policy(RestartMode::never, 2), {}, exited(1)).retries_used_up);
  CHECK_FALSE(decide_restart(policy(RestartMode::always, 2), {2, 2}, exited(0)).retries_used_up);
}

TEST_CASE("when a container starts again is said in words") {
  CHECK(restart_notice(250, 1'700'000'000'000) == "it starts again after 250 ms, at 22:13:20 UTC");
  CHECK(restart_notice(1000, 86'399'999) == "it starts again after 1 s, at 23:59:59 UTC");
  CHECK(restart_notice(1500, 0) == "it starts again after 1.5 s, at 00:00:00 UTC");
  CHECK(restart_notice(60'000, 3'661'000) == "it starts again after 60 s, at 01:01:01 UTC");
}

}  // namespace cloudless::runtime
