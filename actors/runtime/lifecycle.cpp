#include "actors/runtime/lifecycle.hpp"

#include <algorithm>
#include <utility>

#include "actors/runtime/image_pinning.hpp"

namespace cloudless::runtime {
namespace {

constexpr int kTerm = 15;
constexpr int kKill = 9;

/// The moves of one call to advance: what it changes and what it asks for.
class Move {
 public:
  Move(Life& life, Now now) : life_(life), now_(now) {}

  std::vector<Effect> take_effects() { return std::move(effects_); }

  void operator()(const input::Begin&) {
    if (life_.step != Step::idle) return;
    life_.stop_requested() ? finish(Phase::stopped) : begin_attempt();
  }

  void operator()(const input::BeginAgain&) {
    if (life_.step != Step::idle) return;
    name_attempt(life_.attempt + 1);  // it may have been reported, and what is said now must not be older
    if (life_.stop_requested()) return finish(Phase::stopped);
    life_.hidden = true;
    end_attempt({EndKind::interrupted, 0, 0}, "its container was gone when the agent came back");
  }

  void operator()(const input::Adopt& in) {
    const ObservedContainer& seen = in.observed;
    if (life_.step != Step::idle) return remove_leftover(seen);
    if (seen.attempt <= life_.attempt) return adopt_ended(seen);
    if (seen.attempt != life_.attempt + 1) life_.unhealthy.clear();
    life_.attempt = seen.attempt;
    life_.container = seen.container;
    life_.address = seen.address;
    life_.published_ports = seen.published_ports;
    life_.image_digest = seen.image_digest;
    life_.started_at = seen.started_at;
    if (!seen.running && !seen.exit) return adopt_unstarted();
    // How long it ran before is known by wall clock only, which may jump; an early reset of the pause is
    // harmless.
    const Millis ran_before = seen.started_at > 0 ? std::max<Millis>(0, now_.wall - seen.started_at) : 0;
    life_.running_since = now_.steady - ran_before;
    if (life_.stop_requested()) return adopt_to_stop(seen);
    life_.limits.found_running();
    life_.unhealthy.empty() ? enter_running(true) : adopt_condemned();
    if (seen.exit)
      (*this)(input::Exited{seen.container, *seen.exit});
    else
      ask(effect::Wait{life_.container});
  }

  void operator()(const input::Stop& in) {
    if (in.cause == StopCause::none || life_.stop_requested()) return;
    life_.assignment.stop = in.cause;
    stop_present_step();
  }

  void operator()(const input::Pin& in) {
    life_.assignment.image = in.image;
    life_.assignment.access = in.access;
    if (life_.step == Step::preparing && !life_.asked_image) go_on_with_image();
  }

  void operator()(const input::ImageProgress& in) {
    if (life_.step == Step::preparing && life_.asked_image) life_.reason = in.words;
  }

  void operator()(const input::ImageReady& in) {
    if (life_.step != Step::preparing || !life_.asked_image) return;
    const std::string asked = *std::exchange(life_.asked_image, std::nullopt);
    if (life_.reason.starts_with("pulling")) life_.reason.clear();
    if (!asked.empty() && asked != in.image.digest)
      return end_attempt({EndKind::no_image, 0, 0}, "another image was prepared than " + asked);
    life_.found_image = in.image.digest;
    go_on_with_image();
  }

  void operator()(const input::ImageFailed& in) {
    if (life_.step != Step::preparing || !life_.asked_image) return;
    life_.asked_image.reset();
    end_attempt({EndKind::no_image, 0, 0}, in.error.message);
  }

  void operator()(const input::Started& in) {
    if (life_.step != Step::starting) return;
    life_.address = in.started.address;
    life_.published_ports = in.started.published_ports;
    life_.image_digest = in.started.image_digest;
    life_.started_at = in.started.started_at;
    life_.running_since = now_.steady;
    ask(effect::Wait{life_.container});
    if (life_.stop_requested()) return signal_stop();
    enter_running(false);
  }

  void operator()(const input::StartFailed& in) {
    if (life_.step != Step::starting) return;
    if (life_.stop_requested()) return remove_then(Phase::stopped);
    const bool interrupted = in.error.code == Errc::unavailable || in.error.code == Errc::deadline_exceeded;
    end_attempt({interrupted ? EndKind::interrupted : EndKind::start_failed, 0, 0}, in.error.message);
  }

  void operator()(const input::Exited& in) {
    if (in.container != life_.container || !lives()) return;
    life_.exit_code = in.exit.exit_code;
    if (life_.step == Step::stopping) {
      life_.reason = in.exit.reason;
      return remove_then(Phase::stopped);
    }
    std::string reason = "exited with code " + std::to_string(in.exit.exit_code);
    if (!in.exit.reason.empty()) reason += ": " + in.exit.reason;
    const bool ended_by_us = life_.step == Step::ending;
    if (ended_by_us) reason = life_.unhealthy + "; " + reason;
    end_attempt({ended_by_us ? EndKind::unhealthy : EndKind::exited, in.exit.exit_code, ran_for()},
                std::move(reason));
  }

  void operator()(const input::WaitFailed& in) {
    if (in.container != life_.container || !lives()) return;
    if (in.error.code != Errc::not_found) {
      life_.wait_again_at = now_.steady + kRuntimeRetry;
    } else if (life_.step == Step::stopping) {
      remove_then(Phase::stopped);
    } else {
      const std::string why = life_.step == Step::ending ? life_.unhealthy + "; " : "";
      end_attempt({EndKind::vanished, 0, ran_for()}, why + "its container is gone; its exit code is UNKNOWN");
    }
  }

  void operator()(const input::SignalFailed& in) {
    if (in.container != life_.container) return;
    if (life_.step != Step::stopping && life_.step != Step::ending) return;
    if (in.error.code != Errc::not_found) life_.signal_again_at = now_.steady + kRuntimeRetry;
  }

  void operator()(const input::Recorded& in) {
    if (life_.step != Step::recording || in.ended_attempts < life_.attempt) return;
    life_.hidden = false;
    if (life_.decision.verdict != Verdict::restart)
      return remove_then(life_.decision.verdict == Verdict::succeeded ? Phase::succeeded : Phase::failed);
    if (life_.stop_requested()) return remove_then(Phase::stopped);
    life_.step = Step::pausing;
    life_.phase = Phase::backoff;
    if (!life_.removed) ask(effect::Remove{life_.container});
    restart_when_due();
  }

  void operator()(const input::Removed& in) {
    if (in.container != life_.container) return;
    if (life_.step != Step::pausing && life_.step != Step::removing) return;
    life_.removed = true;
    life_.remove_again_at.reset();
    life_.step == Step::removing ? finish(life_.last_phase) : restart_when_due();
  }

  void operator()(const input::RemoveFailed& in) {
    if (in.container != life_.container) return;
    if (life_.step == Step::pausing || life_.step == Step::removing)
      life_.remove_again_at = now_.steady + kRuntimeRetry;
  }

  void operator()(const input::SetLimits& in) {
    life_.assignment.limits = in.limits;
    settle_limits();
  }

  void operator()(const input::LimitsAnswered& in) {
    if (in.container != life_.container) return;
    life_.limits.answered(in.error, now_.steady, kRuntimeRetry);
    settle_limits();
  }

  void operator()(const input::Probed& in) {
    if (in.container != life_.container || life_.step != Step::running) return;
    auto condemned = take_answer(life_.health, life_.container, in.kind, in.number, in.answer, now_);
    if (condemned) return end_unhealthy(std::move(*condemned));
    ask_probes();
    show_health();
  }

  void operator()(const input::Tick&) {
    if (life_.step == Step::preparing && due(life_.resolve_at)) fetch_image({});
    if (due(life_.wait_again_at)) ask(effect::Wait{life_.container});
    if (due(life_.remove_again_at)) ask(effect::Remove{life_.container});
    if (due(life_.signal_again_at)) ask(effect::Signal{life_.container, kTerm});
    if (due(life_.kill_at)) {
      life_.signal_again_at.reset();
      life_.kill_at = now_.steady + kKillRepeat;
      ask(effect::Signal{life_.container, kKill});
    }
    if (life_.step == Step::running) ask_probes();
    if (life_.step == Step::pausing) restart_when_due();
    settle_limits();
  }

 private:
  void ask(Effect effect) { effects_.push_back(std::move(effect)); }

  /// True once when the deadline has passed.
  bool due(std::optional<Millis>& deadline) const {
    if (!deadline || *deadline > now_.steady) return false;
    deadline.reset();
    return true;
  }

  void clear_deadlines() {
    life_.limits.ended();
    life_.restart_at.reset();
    life_.kill_at.reset();
    life_.signal_again_at.reset();
    life_.wait_again_at.reset();
    life_.remove_again_at.reset();
    life_.resolve_at.reset();
  }

  void name_attempt(std::uint32_t attempt) {
    life_.attempt = attempt;
    life_.container = container_id(life_.assignment, attempt);
    life_.address.clear();
    life_.published_ports.clear();
    life_.image_digest.clear();
    life_.started_at = 0;
    life_.unhealthy.clear();
  }

  void begin_attempt() {
    clear_deadlines();
    name_attempt(life_.attempt + 1);
    life_.step = Step::preparing;
    life_.phase = Phase::preparing;
    life_.removed = true;
    life_.asked_image.reset();
    life_.found_image.reset();
    life_.waits_for_pin = false;
    go_on_with_image();
  }

  void stop_waiting_for_pin() {
    life_.resolve_at.reset();
    if (std::exchange(life_.waits_for_pin, false)) life_.reason.clear();
  }

  void fetch_image(const std::string& digest) {
    stop_waiting_for_pin();
    life_.asked_image = digest;
    const Template& pod = life_.assignment.pod;
    ask(effect::PrepareImage{{pod.image, pod.pull_policy, digest, life_.assignment.access}});
  }

  void go_on_with_image() {
    switch (next_image_move(life_.assignment, life_.found_image)) {
      case ImageMove::fetch:
        return fetch_image(life_.assignment.image.digest);
      case ImageMove::resolve:
        return fetch_image({});
      case ImageMove::wait:
        life_.waits_for_pin = true;
        life_.reason = waiting_reason(life_.assignment, life_.found_image);
        if (life_.found_image)
          expect_start();
        else if (!life_.resolve_at)
          life_.resolve_at = now_.steady + kResolverPatience;
        return;
      case ImageMove::start:
        break;
    }
    stop_waiting_for_pin();
    life_.step = Step::starting;
    life_.phase = Phase::starting;
    life_.removed = false;
    life_.image_digest = *life_.found_image;
    life_.limits.started_with(life_.assignment.limits);
    ask(effect::Start{{life_.container, life_.assignment, life_.attempt}});
  }

  /// Once in an attempt; from here on there is something to remove.
  void expect_start() {
    if (!std::exchange(life_.removed, false)) return;
    ContainerRequest request{life_.container, life_.assignment, life_.attempt};
    request.assignment.image.digest = *life_.found_image;
    ask(effect::Expect{std::move(request)});
  }

  /// Only while it runs: what starts gets the present ones, and what stops needs none.
  void settle_limits() {
    if (life_.step != Step::running) return;
    if (auto limits = life_.limits.next(life_.assignment.limits, now_.steady))
      ask(effect::UpdateLimits{life_.container, *limits});
  }

  /// There is a process whose end is awaited.
  bool lives() const {
    return life_.step == Step::running || life_.step == Step::ending || life_.step == Step::stopping;
  }

  Millis ran_for() const { return now_.steady - life_.running_since; }

  void enter_running(bool adopted) {
    life_.step = Step::running;
    life_.phase = Phase::running;
    life_.removed = false;
    settle_limits();
    life_.health = begin_health(life_.assignment.pod, life_.container, life_.running_since, adopted, now_);
    ask_probes();
    show_health();
  }

  void ask_probes() {
    for (const ProbeRun* run : ask_due(life_.health, now_.steady))
      ask(effect::Probe{
          run->kind, run->asked, {life_.container, life_.address, run->spec.check, run->spec.timeout}});
  }

  /// Without probes, to run is to be ready.
  void show_health() {
    life_.ready = is_ready(life_.health);
    life_.reason = why_not_ready(life_.health);
  }

  void end_probes() {
    if (life_.health.runs.empty()) return;
    end_health(life_.health);
    ask(effect::EndProbes{});
  }

  /// A graceful end, as for a stop; the phase stays RUNNING, for the replica goes on with the next attempt.
  void end_unhealthy(std::string why) {
    end_probes();
    life_.unhealthy = std::move(why);
    // Or an agent that is killed now would later take its exit code for its own.
    ReplicaProgress progress = progress_so_far(life_.attempt - 1);
    progress.condemned = life_.unhealthy;
    progress.reason = life_.last_end;
    ask(effect::Record{std::move(progress)});
    enter_ending();
  }

  void adopt_condemned() {
    life_.phase = Phase::running;
    life_.removed = false;
    enter_ending();
  }

  void enter_ending() {
    life_.step = Step::ending;
    life_.ready = false;
    life_.reason = life_.unhealthy + "; it is being restarted";
    signal_end();
  }

  void end_attempt(const AttemptEnd& end, std::string reason) {
    life_.decision = decide_restart(life_.assignment.pod.restart, life_.tally, end);
    life_.tally = life_.decision.tally;
    life_.ready = false;
    if (life_.decision.retries_used_up) reason += "; all of its max_retries restarts in a row are used up";
    life_.reason = std::move(reason);
    life_.last_end = life_.reason;
    if (end.kind != EndKind::exited && end.kind != EndKind::unhealthy) life_.exit_code.reset();
    clear_deadlines();
    end_probes();
    pause_for(life_.decision.pause);
    life_.step = Step::recording;
    ReplicaProgress progress = progress_so_far(life_.attempt);
    if (life_.decision.verdict != Verdict::restart)
      progress.outcome = life_.decision.verdict == Verdict::succeeded ? Phase::succeeded : Phase::failed;
    progress.reason = life_.reason;
    progress.container = life_.container;
    progress.started_at = life_.started_at;
    ask(effect::Record{std::move(progress)});
  }

  ReplicaProgress progress_so_far(std::uint32_t ended_attempts) const {
    ReplicaProgress progress;
    progress.replica = life_.assignment.replica;
    progress.ended_attempts = ended_attempts;
    progress.ends_in_a_row = life_.tally.ends_in_a_row;
    progress.retries_in_a_row = life_.tally.retries_in_a_row;
    progress.exit_code = life_.exit_code;
    return progress;
  }

  void pause_for(Millis pause) {
    life_.restart_at = now_.steady + pause;
    life_.restart_notice = restart_notice(pause, now_.wall + pause);
  }

  void restart_when_due() {
    if (life_.removed && life_.restart_at && *life_.restart_at <= now_.steady) begin_attempt();
  }

  /// SUCCEEDED and FAILED show at once, for their record is durable; STOPPED only when nothing is left.
  void remove_then(Phase last) {
    clear_deadlines();
    life_.ready = false;
    life_.last_phase = last;
    if (last != Phase::stopped) life_.phase = last;
    if (life_.removed) return finish(last);
    life_.step = Step::removing;
    ask(effect::Remove{life_.container});
  }

  void finish(Phase last) {
    clear_deadlines();
    life_.ready = false;
    life_.phase = last;
    life_.step = Step::done;
  }

  void signal_stop() {
    end_probes();
    life_.step = Step::stopping;
    life_.phase = Phase::stopping;
    life_.ready = false;
    life_.removed = false;
    signal_end();
  }

  void signal_end() {
    const Millis grace = life_.assignment.pod.termination_grace;
    life_.kill_at = now_.steady + (grace > 0 ? grace : kKillRepeat);
    ask(effect::Signal{life_.container, grace > 0 ? kTerm : kKill});
  }

  void stop_present_step() {
    switch (life_.step) {
      case Step::idle:
      case Step::recording:  // Recorded goes on with it
      case Step::stopping:
      case Step::removing:
      case Step::done:
        return;
      case Step::preparing:
        return remove_then(Phase::stopped);
      case Step::starting:
        life_.phase = Phase::stopping;
        return;
      case Step::running:
        return signal_stop();
      case Step::ending:  // it was signalled: the grace period that runs goes on
        life_.step = Step::stopping;
        life_.phase = Phase::stopping;
        life_.reason.clear();
        return;
      case Step::pausing:
        // A removal in flight answers this one too; asking again is harmless.
        return remove_then(Phase::stopped);
    }
  }

  void adopt_to_stop(const ObservedContainer& seen) {
    signal_stop();
    ask(effect::Wait{life_.container});
    if (seen.exit) {
      effects_.clear();
      (*this)(input::Exited{seen.container, *seen.exit});
    }
  }

  void adopt_ended(const ObservedContainer& seen) {
    life_.removed = false;
    life_.container = seen.container;
    if (life_.phase == Phase::assigned) life_.phase = Phase::backoff;
    if (life_.phase == Phase::succeeded || life_.phase == Phase::failed) return remove_then(life_.phase);
    if (life_.stop_requested()) return remove_then(Phase::stopped);
    life_.step = Step::pausing;
    pause_for(backoff_pause(life_.assignment.pod.restart.backoff, life_.tally.ends_in_a_row));
    ask(effect::Remove{life_.container});
  }

  void adopt_unstarted() {
    life_.removed = false;
    life_.phase = Phase::stopping;
    if (life_.stop_requested()) return remove_then(Phase::stopped);
    life_.hidden = true;
    end_attempt({EndKind::interrupted, 0, 0},
                "the agent was restarted while the container was being started");
  }

  void remove_leftover(const ObservedContainer& seen) {
    if (life_.step != Step::done || seen.container != life_.container) return;
    life_.removed = false;
    remove_then(life_.phase);
  }

  Life& life_;
  Now now_;
  std::vector<Effect> effects_;
};

}  // namespace

Life make_life(Assignment assignment, const std::optional<ReplicaProgress>& progress) {
  Life life;
  life.assignment = std::move(assignment);
  if (!progress) return life;
  life.attempt = progress->ended_attempts;
  life.tally = {progress->ends_in_a_row, progress->retries_in_a_row};
  life.exit_code = progress->exit_code;
  life.reason = life.last_end = progress->reason;
  life.container = progress->container;
  life.started_at = progress->started_at;
  life.unhealthy = progress->condemned;
  if (progress->outcome) {
    life.phase = *progress->outcome;
    life.step = Step::done;
  }
  return life;
}

std::vector<Effect> advance(Life& life, const Input& input, Now now) {
  Move move(life, now);
  std::visit(move, input);
  return move.take_effects();
}

std::optional<Millis> next_deadline(const Life& life) {
  std::optional<Millis> next;
  auto consider = [&next](const std::optional<Millis>& at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (life.step == Step::pausing && life.removed) consider(life.restart_at);
  consider(life.kill_at);
  consider(life.signal_again_at);
  consider(life.wait_again_at);
  consider(life.remove_again_at);
  if (life.step == Step::running) consider(life.limits.deadline());
  consider(life.resolve_at);
  if (life.step == Step::running) consider(next_question(life.health));
  return next;
}

ReplicaReport report_of(const Life& life) {
  ReplicaReport report;
  report.replica = life.assignment.replica;
  report.attempt = life.attempt;
  report.phase = life.phase;
  report.ready = life.ready;
  report.container = life.container;
  report.address = life.address;
  report.published_ports = life.published_ports;
  report.exit_code = life.exit_code;
  report.reason = life.reason;
  if (life.step == Step::running && !life.limits.refusal().empty())
    report.reason += (report.reason.empty() ? "" : "; ") + life.limits.refusal();
  if (life.phase == Phase::backoff && !life.restart_notice.empty())
    report.reason += (report.reason.empty() ? "" : "; ") + life.restart_notice;
  report.started_at = life.started_at;
  report.image_digest = life.step == Step::preparing ? life.found_image.value_or("") : life.image_digest;
  report.last_end = life.last_end;
  if (life.phase == Phase::running) {
    report.probes = statuses_of(life.health);
    report.undecided = life.step == Step::running && is_undecided(life.health);
  }
  return report;
}

}  // namespace cloudless::runtime
