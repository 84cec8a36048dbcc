// Rollouts, and who follows endpoints.
#include "messages/codec/message_bytes.hpp"
#include "messages/codec/record_message.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxFollowerId = 128;
constexpr Millis kMaxLease = 60'000;

}  // namespace

void write(const Rollout& rollout, record::Rollout& out) {
  out.set_workload(rollout.workload.value);
  out.set_number(rollout.number);
  out.set_cause(static_cast<record::RolloutCause>(rollout.cause));
  out.set_from_version(rollout.from_version);
  out.set_to_version(rollout.to_version);
  out.set_state(static_cast<record::RolloutState>(rollout.state));
  out.set_paused(rollout.paused);
  out.set_promoted(rollout.promoted);
  out.set_by(rollout.by);
  out.set_reason(rollout.reason);
  out.set_created_at_ms(rollout.created_at);
  out.set_ended_at_ms(rollout.ended_at);
  out.set_started_at(rollout.started_at);
  out.set_progress_from(rollout.progress_from);
  out.set_switched_at(rollout.switched_at);
  out.set_mark(rollout.mark);
}

bool read(const record::Rollout& wire, Rollout& out) {
  out.number = wire.number();
  out.from_version = wire.from_version();
  out.to_version = wire.to_version();
  out.paused = wire.paused();
  out.promoted = wire.promoted();
  out.by = wire.by();
  out.reason = wire.reason();
  return out.number > 0 && read_uid(wire.workload(), out.workload) &&
         read_enum(wire.cause(), RolloutCause::created, RolloutCause::failed, out.cause) &&
         read_enum(wire.state(), RolloutState::active, RolloutState::superseded, out.state) &&
         read_millis(wire.created_at_ms(), out.created_at) && read_millis(wire.ended_at_ms(), out.ended_at) &&
         read_millis(wire.started_at(), out.started_at) &&
         read_millis(wire.progress_from(), out.progress_from) &&
         read_millis(wire.switched_at(), out.switched_at) && read_millis(wire.mark(), out.mark);
}

void write(const EndpointFollowing& following, record::EndpointFollowing& out) {
  out.set_follower(following.follower);
  out.set_namespace_(following.ns);
  out.set_workload(following.workload);
  out.set_seen(following.seen);
  out.set_lease_ms(following.lease);
}

bool read(const record::EndpointFollowing& wire, EndpointFollowing& out) {
  out.follower = wire.follower();
  out.seen = wire.seen();
  return !out.follower.empty() && out.follower.size() <= kMaxFollowerId &&
         read_name(wire.namespace_(), out.ns) && read_name(wire.workload(), out.workload) &&
         read_millis(wire.lease_ms(), out.lease) && out.lease <= kMaxLease;
}

std::string encode(const EndpointFollowing& value) {
  record::EndpointFollowing wire;
  write(value, wire);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, EndpointFollowing& value) {
  record::EndpointFollowing wire;
  value = {};
  return from_bytes(bytes, kMaxFrameBytes, wire) && read(wire, value);
}

}  // namespace cloudless::codec
