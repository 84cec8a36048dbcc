#include "messages/codec/agent_state.hpp"

#include "cloudless/record/agent_state.pb.h"
#include "messages/codec/message_bytes.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::codec {
namespace {

void to_message(const ReplicaProgress& value, record::ReplicaProgress& out) {
  out.set_replica(value.replica.value);
  out.set_ended_attempts(value.ended_attempts);
  out.set_ends_in_a_row(value.ends_in_a_row);
  out.set_retries_in_a_row(value.retries_in_a_row);
  if (value.outcome) out.set_outcome(static_cast<std::uint32_t>(*value.outcome));
  if (value.exit_code) out.set_exit_code(*value.exit_code);
  out.set_reason(value.reason);
  out.set_container(value.container.value);
  out.set_started_at(value.started_at);
  out.set_condemned(value.condemned);
}

bool from_message(const record::ReplicaProgress& in, ReplicaProgress& value) {
  value.replica = ReplicaId{in.replica()};
  value.ended_attempts = in.ended_attempts();
  value.ends_in_a_row = in.ends_in_a_row();
  value.retries_in_a_row = in.retries_in_a_row();
  if (in.outcome() != 0) {
    if (in.outcome() != static_cast<std::uint32_t>(Phase::succeeded) &&
        in.outcome() != static_cast<std::uint32_t>(Phase::failed))
      return false;
    value.outcome = static_cast<Phase>(in.outcome());
  }
  if (in.has_exit_code()) value.exit_code = in.exit_code();
  value.reason = in.reason();
  value.container = ContainerId{in.container()};
  value.started_at = in.started_at();
  value.condemned = in.condemned();
  return !in.replica().empty();
}

}  // namespace

std::string encode(const AgentState& value) {
  record::AgentState message;
  message.set_cluster_id(value.cluster_id);
  if (value.set.revision != 0) message.set_assignment_set(encode(value.set));
  for (const auto& progress : value.progress) to_message(progress, *message.add_progress());
  return to_bytes(message);
}

bool decode(std::string_view bytes, AgentState& value) {
  record::AgentState message;
  if (!from_bytes(bytes, kMaxBatchBytes, message)) return false;
  value = {};
  value.cluster_id = message.cluster_id();
  if (!message.assignment_set().empty() && (!decode(message.assignment_set(), value.set) || !value.set.full))
    return false;
  for (const auto& progress : message.progress())
    if (!from_message(progress, value.progress.emplace_back())) return false;
  return true;
}

}  // namespace cloudless::codec
