// One replica's life on its node as a pure state machine: (life, input, now) -> effects. replica_runner_actor
// carries the effects out through the runtime port and feeds the answers back. Always holds: (attempt, phase)
// only grows; every container that was asked for is removed before the next attempt and before STOPPED; an
// end is recorded on disk before it is reported.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/runtime/health.hpp"
#include "actors/runtime/limits_update.hpp"
#include "actors/runtime/restart.hpp"
#include "actors/runtime/runtime_port.hpp"
#include "messages/domain/agent_state.hpp"
#include "messages/domain/observation.hpp"

namespace cloudless::runtime {

/// What the replica waits for; finer than Phase, which is what others see.
enum class Step : std::uint8_t {
  idle,       ///< nothing was asked for yet
  preparing,  ///< the image
  starting,   ///< the container
  running,
  ending,     ///< signalled because a probe failed, its end is awaited; the replica goes on
  stopping,   ///< signalled, its end is awaited
  recording,  ///< the end of the attempt goes to the disk
  pausing,    ///< the container is removed and the pause runs
  removing,   ///< the container is removed, then the replica is over
  done,
};

struct Life {
  Assignment assignment;
  Step step = Step::idle;
  Phase phase = Phase::assigned;
  std::uint32_t attempt = 0;
  Tally tally;
  bool ready = false;
  ContainerId container;
  std::string address;
  std::optional<std::int32_t> exit_code;
  std::string reason;
  WallMillis started_at = 0;
  std::vector<PublishedPort> published_ports;

  Phase last_phase = Phase::stopped;  ///< the terminal phase that removing leads to
  RestartDecision decision;           ///< while recording and pausing
  Millis running_since = 0;           ///< steady
  /// What is known is older than what may have been reported by an earlier agent: nothing is to be reported.
  bool hidden = false;
  bool removed = true;               ///< while pausing: no container of an earlier attempt is left
  std::optional<Millis> restart_at;  ///< steady; end of the pause
  std::string restart_notice;        ///< when that is, in words
  std::optional<Millis> kill_at;     ///< steady; end of the grace period, then of the patience with SIGKILL
  std::optional<Millis> signal_again_at;
  std::optional<Millis> wait_again_at;
  std::optional<Millis> remove_again_at;
  LimitsUpdate limits;

  std::optional<std::string> asked_image;  ///< while preparing, under way: the digest; empty: the tag's
  std::optional<std::string> found_image;  ///< the digest of what was prepared in this attempt
  bool waits_for_pin = false;              ///< while preparing: the reason says for what
  std::optional<Millis> resolve_at;        ///< steady; ends waiting for another replica to resolve the tag
  std::string image_digest;                ///< of what the container is made of

  Health health;          ///< of the running container
  std::string unhealthy;  ///< why it is being ended, or was when the agent died; empty: it is not
  std::string last_end;   ///< how the last attempt that ended ended

  bool stop_requested() const { return assignment.stop != StopCause::none; }
  bool over() const { return step == Step::done; }
};

namespace input {
/// The replica is new here.
struct Begin {};
/// The agent was restarted, and there is no container: it may have had one.
struct BeginAgain {};
/// The agent was restarted, and this is the newest container of the replica.
struct Adopt {
  ObservedContainer observed;
};
struct Stop {
  StopCause cause = StopCause::none;
};
/// Which bytes to run is known by now, or who finds out has changed, or how they may be pulled.
struct Pin {
  ImagePin image;
  PullAccess access{};
};
/// How far the pull is that was asked for.
struct ImageProgress {
  std::string words;
};
struct ImageReady {
  PreparedImage image;
};
struct ImageFailed {
  Error error;
};
struct Started {
  StartedContainer started;
};
struct StartFailed {
  Error error;
};
struct Exited {
  ContainerId container;
  ContainerExit exit;
};
struct WaitFailed {
  ContainerId container;
  Error error;
};
struct SignalFailed {
  ContainerId container;
  Error error;
};
/// The progress with this many ended attempts is durable.
struct Recorded {
  std::uint32_t ended_attempts = 0;
};
struct Removed {
  ContainerId container;
};
struct RemoveFailed {
  ContainerId container;
  Error error;
};
/// The workload's limits are other ones now.
struct SetLimits {
  ResourceLimits limits;
};
/// The answer to UpdateLimits.
struct LimitsAnswered {
  ContainerId container;
  std::optional<Error> error;
};
struct Probed {
  ContainerId container;
  ProbeKind kind = ProbeKind::readiness;
  std::uint64_t number = 0;  ///< of the question
  ProbeAnswer answer;
};
/// Some deadline may have passed.
struct Tick {};
}  // namespace input

using Input =
    std::variant<input::Begin, input::BeginAgain, input::Adopt, input::Stop, input::Pin, input::ImageProgress,
                 input::ImageReady, input::ImageFailed, input::Started, input::StartFailed, input::Exited,
                 input::WaitFailed, input::SignalFailed, input::Recorded, input::Removed, input::RemoveFailed,
                 input::SetLimits, input::LimitsAnswered, input::Probed, input::Tick>;

namespace effect {
struct PrepareImage {
  ImageRequest request;
};
/// Which bytes to run is not settled yet, but nearly always it will be these.
struct Expect {
  ContainerRequest request;
};
struct Start {
  ContainerRequest request;
};
struct Wait {
  ContainerId container;
};
struct Signal {
  ContainerId container;
  int signal = 0;
};
/// Make this durable, then feed Recorded.
struct Record {
  ReplicaProgress progress;
};
struct Remove {
  ContainerId container;
};
/// Put them in force in the running container.
struct UpdateLimits {
  ContainerId container;
  ResourceLimits limits;
};
/// Ask, then feed Probed.
struct Probe {
  ProbeKind kind = ProbeKind::readiness;
  std::uint64_t number = 0;
  ProbeQuestion question;
};
/// The questions that are under way need no answer any more.
struct EndProbes {};
}  // namespace effect

using Effect =
    std::variant<effect::PrepareImage, effect::Expect, effect::Start, effect::Wait, effect::Signal,
                 effect::Record, effect::Remove, effect::UpdateLimits, effect::Probe, effect::EndProbes>;

/// A runtime that is away is asked again after this long.
constexpr Millis kRuntimeRetry = 1000;
/// SIGKILL is repeated this often until the container has ended.
constexpr Millis kKillRepeat = 5000;

/// A life that goes on where the progress says; Begin, BeginAgain or Adopt sets it going.
Life make_life(Assignment assignment, const std::optional<ReplicaProgress>& progress);

/// Takes an input at a time; inputs that do not fit the present step are late answers and change nothing.
std::vector<Effect> advance(Life& life, const Input& input, Now now);

/// When to feed the next Tick; absent: only an answer moves it on.
std::optional<Millis> next_deadline(const Life& life);

/// What the control plane should know; the sequence is not filled in.
ReplicaReport report_of(const Life& life);

}  // namespace cloudless::runtime
