#include "actors/runtime/lifecycle.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>

namespace cloudless::runtime {
namespace {

Assignment some_assignment(RestartMode mode = RestartMode::always) {
  Assignment assignment;
  assignment.replica = ReplicaId{"web-00000000ab-0"};
  assignment.workload = WorkloadUid{"00000000ab"};
  assignment.ns = "default";
  assignment.workload_name = "web";
  assignment.pod.image = "example/web:v1";
  assignment.pod.restart.mode = mode;
  assignment.pod.termination_grace = 5000;
  return assignment;
}

/// Drives a life by hand: remembers effects, moves time.
struct Hand {
  Life life;
  Now now{100000, 1'700'000'000'000};
  std::vector<Effect> last;

  explicit Hand(Assignment assignment, std::optional<ReplicaProgress> progress = {})
      : life(make_life(std::move(assignment), progress)) {}

  Hand& feed(Input input) {
    last = advance(life, input, now);
    return *this;
  }
  Hand& after(Millis delay) {
    now.steady += delay;
    now.wall += delay;
    return feed(input::Tick{});
  }
  Hand& run() {
    return feed(input::Begin{}).feed(input::ImageReady{}).feed(input::Started{{42, "10.88.0.2", now.wall}});
  }
  Hand& exit(std::int32_t code) { return feed(input::Exited{life.container, {code, now.wall, ""}}); }
  Hand& record() { return feed(input::Recorded{life.attempt}); }
  Hand& remove() { return feed(input::Removed{life.container}); }

  template <class T>
  const T* asked() const {
    for (const auto& effect : last)
      if (const T* found = std::get_if<T>(&effect)) return found;
    return nullptr;
  }
  std::optional<int> signalled() const {
    const auto* found = asked<effect::Signal>();
    return found ? std::optional<int>(found->signal) : std::nullopt;
  }
};

const std::string kBytes = "sha256:" + std::string(64, 'a');
const std::string kOtherBytes = "sha256:" + std::string(64, 'b');
const ReplicaId kOther{"web-00000000ab-1"};

Assignment pinned_to(ImagePin pin) {
  Assignment assignment = some_assignment();
  assignment.image = std::move(pin);
  return assignment;
}

}  // namespace

TEST_CASE("a replica prepares its image, starts, runs and is ready") {
  Hand hand{some_assignment()};
  hand.feed(input::Begin{});
  CHECK(hand.life.phase == Phase::preparing);
  REQUIRE(hand.asked<effect::PrepareImage>());
  CHECK(hand.asked<effect::PrepareImage>()->request.image == "example/web:v1");
  hand.feed(input::ImageReady{});
  CHECK(hand.life.phase == Phase::starting);
  REQUIRE(hand.asked<effect::Start>());
  CHECK(hand.asked<effect::Start>()->request.container == ContainerId{"web-00000000ab-0-1"});
  hand.feed(input::Started{{42, "10.88.0.2", 77}});
  CHECK(hand.asked<effect::Wait>());
  const ReplicaReport report = report_of(hand.life);
  CHECK(report.phase == Phase::running);
  CHECK(report.ready);
  CHECK(report.address == "10.88.0.2");
  CHECK(report.started_at == 77);
  CHECK_FALSE(next_deadline(hand.life));
}

TEST_CASE("the resolver says what it found, and starts only when that is what all are to run") {
  Hand hand{pinned_to({{}, some_assignment().replica})};
  hand.feed(input::Begin{});
  REQUIRE(hand.asked<effect::PrepareImage>());
  CHECK(hand.asked<effect::PrepareImage>()->request.digest.empty());
  hand.feed(input::ImageReady{{kBytes}});
  REQUIRE(hand.last.size() == 1);
  REQUIRE(hand.asked<effect::Expect>());
  CHECK(hand.asked<effect::Expect>()->request.assignment.image.digest == kBytes);
  CHECK(hand.asked<effect::Expect>()->request.container == hand.life.container);
  CHECK(report_of(hand.life).phase == Phase::preparing);
  CHECK(report_of(hand.life).image_digest == kBytes);
  SUBCASE("it is") {
    hand.feed(input::Pin{{kBytes, {}}});
    REQUIRE(hand.asked<effect::Start>());
    CHECK(hand.asked<effect::Start>()->request.assignment.image.digest == kBytes);
    CHECK(hand.life.reason.empty());
    hand.feed(input::Started{{42, "10.88.0.2", 1, {}, kBytes}});
    CHECK(report_of(hand.life).image_digest == kBytes);
  }
  SUBCASE("somebody else's answer was first") {
    hand.feed(input::Pin{{kOtherBytes, {}}});
    REQUIRE(hand.asked<effect::PrepareImage>());
    CHECK(hand.asked<effect::PrepareImage>()->request.digest == kOtherBytes);
    hand.feed(input::ImageReady{{kOtherBytes}});
    REQUIRE(hand.asked<effect::Start>());
    CHECK(hand.asked<effect::Start>()->request.assignment.image.digest == kOtherBytes);
  }
  SUBCASE("it is told to stop meanwhile") {
    hand.feed(input::Stop{StopCause::scale});
    REQUIRE(hand.asked<effect::Remove>());
    CHECK(hand.feed(input::Pin{{kBytes, {}}}).last.empty());
    hand.remove();
    CHECK(hand.life.phase == Phase::stopped);
    CHECK(hand.life.over());
  }
  SUBCASE("it is asked again who finds out") {
    CHECK(hand.feed(input::Pin{{{}, kOther}}).last.empty());
    CHECK(hand.feed(input::Pin{{{}, some_assignment().replica}}).last.empty());
  }
}

TEST_CASE("while the tag is being pulled another answer may come first") {
  Hand hand{pinned_to({{}, some_assignment().replica})};
  hand.feed(input::Begin{});
  CHECK(hand.feed(input::Pin{{kOtherBytes, {}}}).last.empty());
  hand.feed(input::ImageReady{{kBytes}});
  REQUIRE(hand.asked<effect::PrepareImage>());
  CHECK(hand.asked<effect::PrepareImage>()->request.digest == kOtherBytes);
}

TEST_CASE("the others wait, say for whom, and take the pinned bytes") {
  Hand hand{pinned_to({{}, kOther})};
  hand.feed(input::Begin{});
  CHECK(hand.last.empty());
  CHECK(hand.life.phase == Phase::preparing);
  CHECK(hand.life.reason == "waiting for web-00000000ab-1 to resolve image example/web:v1");
  SUBCASE("until the digest is known") {
    hand.feed(input::Pin{{kBytes, {}}});
    REQUIRE(hand.asked<effect::PrepareImage>());
    CHECK(hand.asked<effect::PrepareImage>()->request.digest == kBytes);
    CHECK(hand.life.reason.empty());
    CHECK_FALSE(next_deadline(hand.life));
  }
  SUBCASE("until it is their turn") {
    hand.feed(input::Pin{{{}, some_assignment().replica}});
    REQUIRE(hand.asked<effect::PrepareImage>());
    CHECK(hand.asked<effect::PrepareImage>()->request.digest.empty());
  }
  SUBCASE("but not for ever") {
    REQUIRE(next_deadline(hand.life));
    CHECK(hand.after(29'999).last.empty());
    hand.after(1);
    REQUIRE(hand.asked<effect::PrepareImage>());
    hand.feed(input::ImageReady{{kBytes}});
    CHECK(hand.asked<effect::Expect>());
    CHECK(report_of(hand.life).image_digest == kBytes);
  }
}

TEST_CASE("a runtime that prepares other bytes than it was asked for starts nothing") {
  Hand hand{pinned_to({kBytes, {}})};
  hand.feed(input::Begin{}).feed(input::ImageReady{{kOtherBytes}});
  CHECK_FALSE(hand.asked<effect::Start>());
  CHECK(hand.life.reason.find("another image") != std::string::npos);
}

TEST_CASE("stopping is SIGTERM, the grace period, SIGKILL, removal") {
  Hand hand{some_assignment()};
  hand.run().feed(input::Stop{StopCause::scale});
  CHECK(hand.life.phase == Phase::stopping);
  CHECK(hand.signalled() == 15);
  CHECK_FALSE(hand.life.ready);
  CHECK_FALSE(hand.after(4999).signalled());
  CHECK(hand.after(1).signalled() == 9);
  CHECK(hand.after(kKillRepeat).signalled() == 9);
  hand.exit(137);
  CHECK(hand.asked<effect::Remove>());
  CHECK(hand.life.phase == Phase::stopping);
  hand.remove();
  CHECK(hand.life.phase == Phase::stopped);
  CHECK(hand.life.over());
  CHECK(hand.life.exit_code == 137);
}

TEST_CASE("other limits reach a running container in place; what starts later starts with them") {
  Assignment assignment = some_assignment();
  assignment.limits.memory_bytes = 64 << 20;
  ResourceLimits less = assignment.limits;
  less.memory_bytes = 32 << 20;
  Hand hand{assignment};
  hand.feed(input::Begin{}).feed(input::SetLimits{less}).feed(input::ImageReady{});
  CHECK(hand.asked<effect::Start>()->request.assignment.limits == less);
  hand.feed(input::SetLimits{assignment.limits});
  CHECK_FALSE(hand.asked<effect::UpdateLimits>());  // it does not run yet
  hand.feed(input::Started{{42, "10.88.0.2", 77}});
  REQUIRE(hand.asked<effect::UpdateLimits>());
  CHECK(hand.asked<effect::UpdateLimits>()->limits == assignment.limits);
  hand.feed(input::LimitsAnswered{hand.life.container, std::nullopt});
  CHECK_FALSE(hand.asked<effect::UpdateLimits>());
  CHECK(hand.life.attempt == 1);
  CHECK_FALSE(next_deadline(hand.life));

  hand.feed(input::SetLimits{less});
  CHECK(hand.asked<effect::UpdateLimits>()->limits == less);
  hand.exit(1).record();
  hand.feed(input::LimitsAnswered{hand.life.container, Error{Errc::not_found, "gone", {}}});
  hand.remove().after(1000).feed(input::ImageReady{});
  CHECK(hand.asked<effect::Start>()->request.assignment.limits == less);
  hand.feed(input::Started{{43, "10.88.0.2", 78}});
  CHECK_FALSE(hand.asked<effect::UpdateLimits>());
}

TEST_CASE("limits that the machine refuses are told in the reason, and tried again") {
  Hand hand{some_assignment()};
  ResourceLimits limits;
  limits.memory_bytes = 1 << 20;
  hand.run().feed(input::SetLimits{limits});
  hand.feed(input::LimitsAnswered{hand.life.container,
                                  Error{Errc::failed_precondition, "memory limit 1 MiB is below ...", {}}});
  CHECK(report_of(hand.life).phase == Phase::running);
  CHECK(report_of(hand.life).ready);
  CHECK(report_of(hand.life).reason == "limits not in force: memory limit 1 MiB is below ...");
  REQUIRE(next_deadline(hand.life));
  CHECK(hand.after(kLimitsRetry).asked<effect::UpdateLimits>());
  hand.feed(input::LimitsAnswered{hand.life.container, std::nullopt});
  CHECK(report_of(hand.life).reason.empty());
  CHECK_FALSE(next_deadline(hand.life));
}

TEST_CASE("without a grace period the first signal is SIGKILL") {
  Assignment assignment = some_assignment();
  assignment.pod.termination_grace = 0;
  Hand hand{assignment};
  CHECK(hand.run().feed(input::Stop{StopCause::scale}).signalled() == 9);
}

TEST_CASE(
    "an end is recorded before it is reported, and the next attempt waits for the pause and the removal") {
  Hand hand{some_assignment()};
  hand.run().exit(3);
  CHECK(hand.life.phase == Phase::running);
  CHECK_FALSE(hand.life.ready);
  REQUIRE(hand.asked<effect::Record>());
  CHECK(hand.asked<effect::Record>()->progress.ended_attempts == 1);
  CHECK(hand.asked<effect::Record>()->progress.exit_code == 3);
  CHECK_FALSE(hand.asked<effect::Remove>());
  hand.record();
  CHECK(hand.life.phase == Phase::backoff);
  CHECK(hand.life.reason == "exited with code 3");
  CHECK(hand.asked<effect::Remove>());
  hand.after(5000);
  CHECK(hand.life.phase == Phase::backoff);
  hand.remove();
  CHECK(hand.life.phase == Phase::preparing);
  CHECK(hand.life.attempt == 2);
  CHECK(hand.asked<effect::PrepareImage>());
}

TEST_CASE("run-to-completion replicas end with their exit code, and their container goes") {
  struct Case {
    RestartMode mode;
    std::int32_t code;
    Phase phase;
  };
  const Case cases[] = {{RestartMode::never, 0, Phase::succeeded},
                        {RestartMode::never, 2, Phase::failed},
                        {RestartMode::on_failure, 0, Phase::succeeded}};
  for (const auto& c : cases) {
    Hand hand{some_assignment(c.mode)};
    hand.run().exit(c.code).record();
    CHECK(hand.life.phase == c.phase);
    CHECK(hand.life.exit_code == c.code);
    CHECK_FALSE(hand.life.over());
    hand.feed(input::RemoveFailed{hand.life.container, {Errc::unavailable, "", {}}});
    CHECK(hand.after(kRuntimeRetry).asked<effect::Remove>());
    hand.feed(input::Stop{StopCause::deleted}).remove();
    CHECK(hand.life.phase == c.phase);
    CHECK(hand.life.over());
  }
}

TEST_CASE("images and starts that fail are tried again with the reason") {
  Hand image{some_assignment(RestartMode::never)};
  image.feed(input::Begin{})
      .feed(input::ImageFailed{{Errc::not_found, "image example/web:v1 does not exist", {}}})
      .record();
  CHECK(image.life.phase == Phase::backoff);
  CHECK(image.life.reason == "image example/web:v1 does not exist");
  CHECK(image.after(1000).life.attempt == 2);

  Hand start{some_assignment()};
  start.feed(input::Begin{}).feed(input::ImageReady{});
  start.feed(input::StartFailed{{Errc::failed_precondition, "exec: no such file", {}}}).record();
  CHECK(start.life.phase == Phase::backoff);
  CHECK(start.life.reason == "exec: no such file");
  CHECK(start.asked<effect::Remove>());
}

TEST_CASE("a runtime that is away ends nothing") {
  Hand hand{some_assignment()};
  const Error away{Errc::unavailable, "containerd is away", {}};
  hand.run().feed(input::WaitFailed{hand.life.container, away});
  CHECK(hand.life.phase == Phase::running);
  CHECK(hand.life.ready);
  CHECK(hand.after(kRuntimeRetry).asked<effect::Wait>());
  hand.feed(input::Stop{StopCause::scale}).feed(input::SignalFailed{hand.life.container, away});
  CHECK(hand.after(kRuntimeRetry).signalled() == 15);
}

TEST_CASE("a stop at any step leads to STOPPED without a container") {
  const Error gone{Errc::not_found, "gone", {}};
  SUBCASE("before it began") {
    Assignment assignment = some_assignment();
    assignment.stop = StopCause::deleted;
    Hand hand{assignment};
    CHECK(hand.feed(input::Begin{}).life.phase == Phase::stopped);
    CHECK(hand.last.empty());
  }
  SUBCASE("while the image is prepared") {
    Hand hand{some_assignment()};
    hand.feed(input::Begin{}).feed(input::Stop{StopCause::scale});
    CHECK(hand.life.over());
    CHECK(hand.feed(input::ImageReady{}).last.empty());
  }
  SUBCASE("while it starts") {
    Hand hand{some_assignment()};
    hand.feed(input::Begin{}).feed(input::ImageReady{}).feed(input::Stop{StopCause::scale});
    CHECK(hand.life.phase == Phase::stopping);
    CHECK(hand.feed(input::Started{{1, "", 0}}).signalled() == 15);
    CHECK(hand.feed(input::WaitFailed{hand.life.container, gone}).asked<effect::Remove>());
    CHECK(hand.remove().life.phase == Phase::stopped);
  }
  SUBCASE("while it starts in vain") {
    Hand hand{some_assignment()};
    hand.feed(input::Begin{}).feed(input::ImageReady{}).feed(input::Stop{StopCause::scale});
    CHECK(hand.feed(input::StartFailed{gone}).asked<effect::Remove>());
    CHECK(hand.remove().life.phase == Phase::stopped);
  }
  SUBCASE("while its end is recorded") {
    Hand hand{some_assignment()};
    hand.run().exit(1).feed(input::Stop{StopCause::scale}).record();
    CHECK(hand.asked<effect::Remove>());
    CHECK(hand.remove().life.phase == Phase::stopped);
  }
  SUBCASE("while it pauses") {
    Hand hand{some_assignment()};
    hand.run().exit(1).record().remove().feed(input::Stop{StopCause::scale});
    CHECK(hand.life.phase == Phase::stopped);
    CHECK_FALSE(next_deadline(hand.life));
  }
}

TEST_CASE("a restarted agent goes on where the container and the record say") {
  ObservedContainer seen{
      ContainerId{"web-00000000ab-0-3"}, ReplicaId{"web-00000000ab-0"}, 3, true, 7, "10.88.0.9", 5, {}};
  ReplicaProgress two_ended{ReplicaId{"web-00000000ab-0"}, 2, 2, 2, {}, 1, "exited with code 1", {}, 0};
  SUBCASE("it runs: it is waited for") {
    Hand hand{some_assignment(), two_ended};
    hand.feed(input::Adopt{seen});
    CHECK(hand.life.phase == Phase::running);
    CHECK(hand.life.attempt == 3);
    CHECK(hand.life.ready);
    CHECK(hand.asked<effect::Wait>());
  }
  SUBCASE("it ended meanwhile: its exit code is not lost") {
    seen.running = false;
    seen.exit = ContainerExit{4, 6, ""};
    Hand hand{some_assignment(RestartMode::never), two_ended};
    hand.feed(input::Adopt{seen}).record();
    CHECK(hand.life.phase == Phase::failed);
    CHECK(hand.life.exit_code == 4);
  }
  SUBCASE("it never started: it is removed, and another attempt begins") {
    seen.running = false;
    Hand hand{some_assignment(), two_ended};
    hand.feed(input::Adopt{seen}).record();
    CHECK(hand.life.phase == Phase::backoff);
    CHECK(hand.asked<effect::Remove>());
    CHECK(hand.life.tally == Tally{2, 2});
  }
  SUBCASE("its end was recorded before: only the removal is left") {
    two_ended.ended_attempts = 3;
    Hand hand{some_assignment(), two_ended};
    hand.feed(input::Adopt{seen});
    CHECK(hand.life.phase == Phase::backoff);
    CHECK(hand.asked<effect::Remove>());
    CHECK(hand.remove().after(2000).life.attempt == 4);
  }
  SUBCASE("the replica was over: it is reported again and the container goes") {
    two_ended.ended_attempts = 3;
    two_ended.outcome = Phase::succeeded;
    two_ended.container = seen.container;
    Hand hand{some_assignment(RestartMode::never), two_ended};
    CHECK(hand.feed(input::Adopt{seen}).asked<effect::Remove>());
    CHECK(hand.remove().life.phase == Phase::succeeded);
  }
  SUBCASE("the container is gone: attempts do not go back") {
    Hand hand{some_assignment(), two_ended};
    hand.feed(input::BeginAgain{}).record();
    CHECK(hand.life.attempt == 3);
    CHECK(hand.life.phase == Phase::backoff);
    CHECK(hand.after(1000).life.attempt == 4);
  }
  SUBCASE("it should stop: it is signalled at once") {
    Assignment assignment = some_assignment();
    assignment.stop = StopCause::rollout;
    Hand hand{assignment, two_ended};
    hand.feed(input::Adopt{seen});
    CHECK(hand.signalled() == 15);
    CHECK(hand.life.phase == Phase::stopping);
  }
}

namespace {

/// A world that answers effects in any order, late and wrongly, and counts containers.
class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), hand_(random_assignment()) {}

  void run() {
    hand_.feed(input::Begin{});
    take_effects();
    for (int step = 0; step < 400 && !hand_.life.over(); ++step) act();
    hand_.feed(input::Stop{StopCause::scale});
    take_effects();
    calm_ = true;
    for (int step = 0; step < 400 && !hand_.life.over(); ++step) act();
    CHECK(hand_.life.over());
    CHECK(is_terminal(hand_.life.phase));
    CHECK(containers_.empty());
  }

 private:
  Assignment random_assignment() {
    Assignment out = some_assignment(static_cast<RestartMode>(1 + random_() % 3));
    if (random_() % 2) out.pod.restart.max_retries = random_() % 4;
    out.pod.restart.backoff = {100, 1000, 500};
    Probe probe;
    probe.check = TcpCheck{80};
    probe.period = 500;
    for (auto* place : {&out.pod.startup, &out.pod.liveness, &out.pod.readiness}) {
      probe.failure_threshold = 1 + static_cast<std::uint32_t>(random_() % 3);
      if (chance(40)) *place = probe;
    }
    return out;
  }

  bool chance(unsigned percent) { return random_() % 100 < percent; }
  Error any_error() {
    const Errc codes[] = {Errc::unavailable, Errc::not_found, Errc::failed_precondition,
                          Errc::deadline_exceeded};
    return {codes[random_() % 4], "some reason", {}};
  }

  /// Feeds one waiting answer, a late one, or time.
  void act() {
    if (chance(5) && !calm_) {
      feed(any_late_answer());
    } else if (!waiting_.empty() && chance(70)) {
      const auto at = static_cast<std::ptrdiff_t>(random_() % waiting_.size());
      Effect effect = waiting_[static_cast<std::size_t>(at)];
      waiting_.erase(waiting_.begin() + at);
      std::visit([this](const auto& asked) { answer(asked); }, effect);
    } else {
      hand_.now.steady += static_cast<Millis>(random_() % 3000);
      feed(input::Tick{});
    }
  }

  Input any_late_answer() {
    const ContainerId old{"web-00000000ab-0-0"};
    switch (random_() % 7) {
      case 5:
        // Sooner or later it is the one digest that was committed.
        return input::Pin{chance(50) ? ImagePin{kBytes, {}}
                                     : ImagePin{{}, chance(50) ? kOther : hand_.life.assignment.replica}};
      case 0:
        return input::Exited{old, {1, 0, ""}};
      case 1:
        return input::Removed{old};
      case 2:
        return input::WaitFailed{old, any_error()};
      case 3:
        return input::Recorded{0};
      case 4:
        return input::Probed{old, ProbeKind::liveness, 1, {ProbeOutcome::failed, "late"}};
      default:
        return input::Begin{};
    }
  }

  void feed(const Input& input) {
    hand_.feed(input);
    take_effects();
  }

  void take_effects() {
    const auto at = std::pair{hand_.life.attempt, hand_.life.phase};
    CHECK(at >= reached_);
    reached_ = at;
    const auto report = report_of(hand_.life);
    if (report.ready) {
      CHECK(report.phase == Phase::running);
      for (const auto& probe : report.probes)
        CHECK((probe.kind == ProbeKind::liveness || probe.standing == ProbeStanding::passing));
    } else if (report.phase == Phase::running && hand_.life.step == Step::running) {
      CHECK_FALSE(report.reason.empty());
    }
    for (auto& effect : hand_.last) {
      if (const auto* expect = std::get_if<effect::Expect>(&effect)) {
        CHECK(containers_.empty());
        containers_.insert(expect->request.container);
      }
      if (const auto* start = std::get_if<effect::Start>(&effect)) {
        containers_.erase(start->request.container);  // as expected
        CHECK(containers_.empty());
        const ImagePin& pin = start->request.assignment.image;
        CHECK((pin == ImagePin{} || pin.digest == hand_.life.image_digest));
        containers_.insert(start->request.container);
      }
      waiting_.push_back(std::move(effect));
    }
  }

  void answer(const effect::PrepareImage& asked) {
    chance(20) ? feed(input::ImageFailed{any_error()})
               : feed(input::ImageReady{{asked.request.digest.empty() ? kOtherBytes : asked.request.digest}});
  }
  void answer(const effect::Expect&) {}
  void answer(const effect::Start& asked) {
    if (chance(20)) return feed(input::StartFailed{any_error()});
    running_ = asked.request.container;
    signalled_ = false;
    feed(input::Started{{1, "10.0.0.1", 1}});
  }
  void answer(const effect::Wait& asked) {
    if (chance(10) && !calm_)
      return feed(input::WaitFailed{asked.container, {Errc::unavailable, "away", {}}});
    if (running_ != asked.container)
      return feed(input::WaitFailed{asked.container, {Errc::not_found, "gone", {}}});
    if (hand_.life.step == Step::stopping ? !signalled_ : !chance(30)) {
      waiting_.push_back(asked);  // it still runs
      hand_.now.steady += 50;
      return feed(input::Tick{});
    }
    running_ = {};
    feed(input::Exited{asked.container, {static_cast<std::int32_t>(random_() % 3), 0, ""}});
  }
  void answer(const effect::Signal& asked) {
    if (chance(20) && !calm_) return feed(input::SignalFailed{asked.container, any_error()});
    if (asked.signal == 9 || chance(50)) signalled_ = true;
  }
  void answer(const effect::UpdateLimits& asked) {
    feed(input::LimitsAnswered{asked.container, chance(20) ? std::optional(any_error()) : std::nullopt});
  }
  void answer(const effect::Probe& asked) {
    const ProbeOutcome outcomes[] = {ProbeOutcome::passed, ProbeOutcome::passed, ProbeOutcome::failed,
                                     ProbeOutcome::unknown};
    feed(input::Probed{asked.question.container, asked.kind, asked.number, {outcomes[random_() % 4], "no"}});
  }
  void answer(const effect::EndProbes&) {}
  void answer(const effect::Record& asked) { feed(input::Recorded{asked.progress.ended_attempts}); }
  void answer(const effect::Remove& asked) {
    if (chance(20) && !calm_) return feed(input::RemoveFailed{asked.container, any_error()});
    containers_.erase(asked.container);
    if (running_ == asked.container) running_ = {};
    feed(input::Removed{asked.container});
  }

  std::mt19937_64 random_;
  Hand hand_;
  std::deque<Effect> waiting_;
  std::set<ContainerId> containers_;
  ContainerId running_;
  bool signalled_ = false;
  bool calm_ = false;
  std::pair<std::uint32_t, Phase> reached_{0, Phase::assigned};
};

}  // namespace

TEST_CASE("in any order of answers phases only grow, every start is removed and a stop always ends") {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    CAPTURE(seed);
    World{seed}.run();
  }
}

namespace {

Assignment probed_assignment(RestartMode mode = RestartMode::always) {
  Assignment assignment = some_assignment(mode);
  Probe probe;
  probe.check = HttpCheck{false, 8080, "/health", {}};
  probe.failure_threshold = 1;
  assignment.pod.liveness = probe;
  probe.check = HttpCheck{false, 8080, "/ready", {}};
  assignment.pod.readiness = probe;
  return assignment;
}

const ProbeAnswer kWell{ProbeOutcome::passed, {}};
const ProbeAnswer kSick{ProbeOutcome::failed, "HTTP 503 from /health"};

/// Answers the question of this kind that the last input asked, or that becomes due.
struct ProbedHand : Hand {
  using Hand::Hand;

  std::optional<effect::Probe> question(ProbeKind kind) {
    for (int n = 0; n < 4; ++n) {
      for (const auto& effect : last)
        if (const auto* asked = std::get_if<effect::Probe>(&effect)) open[asked->kind] = *asked;
      if (open.count(kind) > 0) return open[kind];
      const auto next = next_deadline(life);
      if (!next) return std::nullopt;
      after(std::max<Millis>(0, *next - now.steady));
    }
    return std::nullopt;
  }
  ProbedHand& answer(ProbeKind kind, const ProbeAnswer& answer) {
    const auto asked = question(kind);
    REQUIRE(asked.has_value());
    open.erase(kind);
    feed(input::Probed{asked->question.container, kind, asked->number, answer});
    return *this;
  }
  std::map<ProbeKind, effect::Probe> open;
};

}  // namespace

TEST_CASE("a container with probes is asked at its address, and ready once readiness passed") {
  ProbedHand hand{probed_assignment()};
  hand.run();
  CHECK(hand.life.phase == Phase::running);
  CHECK_FALSE(hand.life.ready);
  const auto asked = hand.question(ProbeKind::readiness);
  REQUIRE(asked.has_value());
  CHECK(asked->question.address == "10.88.0.2");
  CHECK(asked->question.container == hand.life.container);
  CHECK(asked->question.timeout == 1000);
  CHECK(asked->question.check == hand.life.assignment.pod.readiness->check);
  hand.answer(ProbeKind::readiness, {ProbeOutcome::failed, "connection refused"});
  CHECK(report_of(hand.life).reason == "readiness probe failed: connection refused");
  hand.answer(ProbeKind::readiness, kWell);
  const auto report = report_of(hand.life);
  CHECK(report.ready);
  CHECK(report.reason.empty());
  REQUIRE(report.probes.size() == 2);
  CHECK(report.probes[0].standing == ProbeStanding::waiting);
  CHECK(report.probes[1].standing == ProbeStanding::passing);
  CHECK_FALSE(report.undecided);
}

TEST_CASE("a failed liveness probe is a graceful restart that counts as an attempt and keeps its reason") {
  ProbedHand hand{probed_assignment()};
  hand.run();
  hand.answer(ProbeKind::readiness, kWell).answer(ProbeKind::liveness, kSick);
  CHECK(hand.signalled() == 15);
  CHECK(hand.asked<effect::EndProbes>());
  CHECK(hand.life.phase == Phase::running);
  CHECK_FALSE(report_of(hand.life).ready);
  CHECK(hand.life.reason == "liveness probe failed: HTTP 503 from /health; it is being restarted");
  CHECK(hand.after(4999).last.empty());
  CHECK(hand.after(1).signalled() == 9);
  hand.exit(137);
  REQUIRE(hand.asked<effect::Record>());
  CHECK(hand.asked<effect::Record>()->progress.exit_code == 137);
  CHECK(hand.asked<effect::Record>()->progress.reason ==
        "liveness probe failed: HTTP 503 from /health; exited with code 137");
  hand.record();
  const auto report = report_of(hand.life);
  CHECK(report.phase == Phase::backoff);
  CHECK(report.last_end == "liveness probe failed: HTTP 503 from /health; exited with code 137");
  CHECK(report.probes.empty());
  hand.remove().after(1000);
  CHECK(hand.life.attempt == 2);
  hand.feed(input::ImageReady{}).feed(input::Started{{42, "10.88.0.3", hand.now.wall}});
  CHECK(hand.life.phase == Phase::running);
  CHECK(report_of(hand.life).last_end == report.last_end);
  hand.open.clear();
  CHECK(hand.question(ProbeKind::readiness)->question.address == "10.88.0.3");
  CHECK(hand.question(ProbeKind::readiness)->number == 1);
}

TEST_CASE("what a failed liveness probe leads to is the restart policy's business, whatever the exit code") {
  struct Case {
    RestartMode mode;
    std::optional<std::uint32_t> retries;
    Phase phase;
  };
  const Case cases[] = {{RestartMode::always, {}, Phase::backoff},
                        {RestartMode::on_failure, {}, Phase::backoff},
                        {RestartMode::never, {}, Phase::failed},
                        {RestartMode::always, 0, Phase::failed}};
  for (const auto& c : cases) {
    for (const std::int32_t code : {0, 143}) {
      CAPTURE(static_cast<int>(c.mode));
      CAPTURE(code);
      auto assignment = probed_assignment(c.mode);
      assignment.pod.restart.max_retries = c.retries;
      ProbedHand hand{assignment};
      hand.run();
      hand.answer(ProbeKind::liveness, kSick).exit(code).record();
      CHECK(hand.life.phase == c.phase);
      CHECK(hand.life.exit_code == code);
    }
  }
}

TEST_CASE("a stop while it is being restarted goes on with the grace period that runs") {
  ProbedHand hand{probed_assignment()};
  hand.run();
  hand.answer(ProbeKind::liveness, kSick).after(3000);
  hand.feed(input::Stop{StopCause::scale});
  CHECK(hand.life.phase == Phase::stopping);
  CHECK_FALSE(hand.signalled());
  CHECK(hand.after(2000).signalled() == 9);
  hand.exit(137).remove();
  CHECK(hand.life.phase == Phase::stopped);
}

TEST_CASE(
    "a runtime that is away while it restarts a container ends nothing, a container that is gone does") {
  const Error away{Errc::unavailable, "away", {}}, gone{Errc::not_found, "gone", {}};
  ProbedHand hand{probed_assignment()};
  hand.run();
  hand.answer(ProbeKind::liveness, kSick);
  hand.feed(input::SignalFailed{hand.life.container, away});
  hand.feed(input::WaitFailed{hand.life.container, away});
  hand.after(kRuntimeRetry);
  CHECK(hand.signalled() == 15);
  CHECK(hand.asked<effect::Wait>());
  hand.feed(input::WaitFailed{hand.life.container, gone}).record();
  CHECK(hand.life.phase == Phase::backoff);
  CHECK(hand.life.last_end.find("liveness probe failed") == 0);
}

TEST_CASE("late answers of probes find nothing to change") {
  ProbedHand hand{probed_assignment()};
  hand.run();
  const auto first = hand.question(ProbeKind::liveness);
  REQUIRE(first.has_value());
  const input::Probed late{first->question.container, ProbeKind::liveness, first->number, kSick};
  SUBCASE("after the end") {
    hand.exit(1);
    CHECK(hand.feed(late).last.empty());
    hand.record();
    CHECK(hand.feed(late).last.empty());
    CHECK(hand.life.phase == Phase::backoff);
  }
  SUBCASE("in the next attempt") {
    hand.exit(1).record().remove().after(1000);
    hand.feed(input::ImageReady{}).feed(input::Started{{42, "10.88.0.3", 1}});
    hand.feed(late);
    CHECK(hand.life.step == Step::running);
  }
  SUBCASE("while stopping") {
    hand.feed(input::Stop{StopCause::scale});
    CHECK(hand.asked<effect::EndProbes>());
    CHECK(hand.feed(late).last.empty());
    CHECK(hand.life.step == Step::stopping);
  }
}

TEST_CASE("only steady time counts: a wall clock that jumps moves no question and fails no probe") {
  ProbedHand hand{probed_assignment()};
  hand.run();
  hand.answer(ProbeKind::readiness, kWell);
  const auto next = next_deadline(hand.life);
  hand.now.wall -= 86'400'000;
  hand.feed(input::Tick{});
  CHECK(next_deadline(hand.life) == next);
  CHECK(hand.life.ready);
}

TEST_CASE("an adopted container keeps what was said of its readiness until there is a verdict") {
  ProbedHand hand{probed_assignment()};
  ObservedContainer seen;
  seen.container = ContainerId{"web-00000000ab-0-1"};
  seen.replica = hand.life.assignment.replica;
  seen.running = true;
  seen.address = "10.88.0.9";
  seen.started_at = hand.now.wall - 60'000;
  hand.feed(input::Adopt{seen});
  CHECK(report_of(hand.life).undecided);
  CHECK_FALSE(report_of(hand.life).ready);
  CHECK(hand.question(ProbeKind::readiness)->question.address == "10.88.0.9");
  SUBCASE("it passes") {
    hand.answer(ProbeKind::readiness, kWell);
    CHECK_FALSE(report_of(hand.life).undecided);
    CHECK(report_of(hand.life).ready);
  }
  SUBCASE("liveness fails") {
    hand.answer(ProbeKind::liveness, kSick);
    CHECK_FALSE(report_of(hand.life).undecided);
    CHECK_FALSE(report_of(hand.life).ready);
  }
}

TEST_CASE("an agent that dies while it restarts a sick container still knows whose doing the end was") {
  ProbedHand first{probed_assignment(RestartMode::on_failure)};
  first.run();
  first.answer(ProbeKind::liveness, kSick);
  REQUIRE(first.asked<effect::Record>());
  const ReplicaProgress progress = first.asked<effect::Record>()->progress;
  CHECK(progress.ended_attempts == 0);
  ObservedContainer seen;
  seen.container = ContainerId{"web-00000000ab-0-1"};
  seen.replica = first.life.assignment.replica;
  seen.started_at = first.now.wall;
  Hand second{probed_assignment(RestartMode::on_failure), progress};
  SUBCASE("it has ended meanwhile") {
    seen.exit = ContainerExit{0, second.now.wall, ""};
    second.feed(input::Adopt{seen});
  }
  SUBCASE("it runs still") {
    seen.running = true;
    second.feed(input::Adopt{seen});
    CHECK(second.signalled() == 15);
    CHECK(second.asked<effect::Wait>());
    CHECK_FALSE(second.asked<effect::Probe>());
    second.exit(0);
  }
  second.record();
  CHECK(second.life.phase == Phase::backoff);
  CHECK(second.life.last_end == "liveness probe failed: HTTP 503 from /health; exited with code 0");
  second.remove().after(1000);
  CHECK(second.life.attempt == 2);
  second.feed(input::ImageReady{}).feed(input::Started{{42, "10.88.0.2", 1}}).exit(0);
  second.record();
  CHECK(second.life.phase == Phase::succeeded);
}

TEST_CASE("a pause says when it is over, and a replica that is out of retries says so") {
  Assignment assignment = some_assignment();
  assignment.pod.restart.max_retries = 1;
  Hand hand{assignment};
  hand.run().exit(3).record();
  CHECK(report_of(hand.life).reason ==
        "exited with code 3; it starts again after 1 s, at " + std::string("22:13:21 UTC"));
  hand.remove().after(1000).feed(input::ImageReady{}).feed(input::Started{{42, "10.88.0.2", 1}});
  hand.exit(4).record();
  CHECK(report_of(hand.life).phase == Phase::failed);
  CHECK(report_of(hand.life).reason ==
        "exited with code 4; all of its max_retries restarts in a row are used up");
}

}  // namespace cloudless::runtime
