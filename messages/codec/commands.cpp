// Commands of users and the owners' replies.
#include "cloudless/record/command.pb.h"
#include "messages/codec/message_bytes.hpp"
#include "messages/codec/record_message.hpp"
#include "messages/codec/spec_message.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::codec {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

void write_context(const CommandContext& context, record::CommandContext& out) {
  out.set_principal(context.principal);
  out.set_method(context.method);
  out.set_namespace_(context.ns);
  out.set_idempotency_key(context.idempotency_key);
  out.set_request_hash(context.request_hash);
}

CommandContext read_context(const record::CommandContext& wire) {
  return {wire.principal(), wire.method(), wire.namespace_(), wire.idempotency_key(), wire.request_hash()};
}

/// Every command on a workload begins with its name and, but for create, ends with the revision it expects.
template <class Command, class Wire>
void write_name(const Command& command, Wire& out) {
  out.set_namespace_(command.ns);
  out.set_name(command.name);
}
template <class Wire, class Command>
bool read_both_names(const Wire& wire, Command& out) {
  return read_name(wire.namespace_(), out.ns) && read_name(wire.name(), out.name);
}

bool read_create(const record::CreateWorkload& wire, CreateWorkload& out) {
  return read_both_names(wire, out) && read(wire.spec(), out.spec);
}

bool read_update(const record::UpdateWorkload& wire, UpdateWorkload& out) {
  out.keep_replicas = wire.keep_replicas();
  out.expected_revision = wire.expected_revision();
  return read_both_names(wire, out) && read(wire.spec(), out.spec);
}

bool read_scale(const record::ScaleWorkload& wire, ScaleWorkload& out) {
  out.replicas = wire.replicas();
  out.expected_revision = wire.expected_revision();
  return read_both_names(wire, out);
}

bool read_delete(const record::DeleteWorkload& wire, DeleteWorkload& out) {
  out.expected_revision = wire.expected_revision();
  return read_both_names(wire, out);
}

bool read_control(const record::ControlRollout& wire, ControlRollout& out) {
  out.to_version = wire.to_version();
  out.expected_revision = wire.expected_revision();
  return read_both_names(wire, out) &&
         read_enum(wire.action(), RolloutAction::pause, RolloutAction::restart, out.action);
}

bool read_move(const record::MoveReplicas& wire, MoveReplicas& out) {
  constexpr int kMostMoves = 100;
  if (wire.replicas_size() < 1 || wire.replicas_size() > kMostMoves) return false;
  for (const auto& id : wire.replicas())
    if (!read_replica_id(id, out.replicas.emplace_back())) return false;
  return read_both_names(wire, out);
}

bool read_update_node(const record::UpdateNode& wire, UpdateNode& out) {
  read_labels(wire.set_labels(), out.set_labels);
  out.remove_labels.assign(wire.remove_labels().begin(), wire.remove_labels().end());
  out.remove_taints.assign(wire.remove_taints().begin(), wire.remove_taints().end());
  out.expected_revision = wire.expected_revision();
  for (const auto& taint : wire.set_taints()) {
    if (!read(taint, out.set_taints.emplace_back())) return false;
  }
  return read_node_id(wire.node(), out.node);
}

bool read_cordon(const record::CordonNode& wire, CordonNode& out) {
  out.cordoned = wire.cordoned();
  out.expected_revision = wire.expected_revision();
  return read_node_id(wire.node(), out.node);
}

bool read_drain(const record::DrainNode& wire, DrainNode& out) {
  out.expected_revision = wire.expected_revision();
  return read_node_id(wire.node(), out.node);
}

}  // namespace

std::string encode(const WorkloadCommand& value) {
  record::WorkloadCommand wire;
  write_context(value.context, *wire.mutable_context());
  std::visit(Overloaded{
                 [&](const CreateWorkload& c) {
                   auto& out = *wire.mutable_create();
                   write_name(c, out);
                   write(c.spec, *out.mutable_spec());
                 },
                 [&](const UpdateWorkload& c) {
                   auto& out = *wire.mutable_update();
                   write_name(c, out);
                   write(c.spec, *out.mutable_spec());
                   out.set_keep_replicas(c.keep_replicas);
                   out.set_expected_revision(c.expected_revision);
                 },
                 [&](const ScaleWorkload& c) {
                   auto& out = *wire.mutable_scale();
                   write_name(c, out);
                   out.set_replicas(c.replicas);
                   out.set_expected_revision(c.expected_revision);
                 },
                 [&](const DeleteWorkload& c) {
                   auto& out = *wire.mutable_delete_();
                   write_name(c, out);
                   out.set_expected_revision(c.expected_revision);
                 },
                 [&](const ControlRollout& c) {
                   auto& out = *wire.mutable_control();
                   write_name(c, out);
                   out.set_action(static_cast<record::RolloutAction>(c.action));
                   out.set_to_version(c.to_version);
                   out.set_expected_revision(c.expected_revision);
                 },
                 [&](const MoveReplicas& c) {
                   auto& out = *wire.mutable_move();
                   write_name(c, out);
                   for (const auto& id : c.replicas) out.add_replicas(id.value);
                 },
             },
             value.action);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, WorkloadCommand& value) {
  record::WorkloadCommand wire;
  if (!from_bytes(bytes, kMaxRecordBytes, wire) || !wire.has_context()) return false;
  value.context = read_context(wire.context());
  switch (wire.action_case()) {
    case record::WorkloadCommand::kCreate:
      return read_create(wire.create(), value.action.emplace<CreateWorkload>());
    case record::WorkloadCommand::kUpdate:
      return read_update(wire.update(), value.action.emplace<UpdateWorkload>());
    case record::WorkloadCommand::kScale:
      return read_scale(wire.scale(), value.action.emplace<ScaleWorkload>());
    case record::WorkloadCommand::kDelete:
      return read_delete(wire.delete_(), value.action.emplace<DeleteWorkload>());
    case record::WorkloadCommand::kMove:
      return read_move(wire.move(), value.action.emplace<MoveReplicas>());
    case record::WorkloadCommand::kControl:
      return read_control(wire.control(), value.action.emplace<ControlRollout>());
    case record::WorkloadCommand::ACTION_NOT_SET:
      return false;
  }
  return false;
}

std::string encode(const CommandReply& value) {
  record::CommandReply wire;
  write(value.workload, *wire.mutable_workload());
  wire.set_store_revision(value.store_revision);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, CommandReply& value) {
  record::CommandReply wire;
  value = {};
  if (!from_bytes(bytes, kMaxRecordBytes, wire)) return false;
  value.store_revision = wire.store_revision();
  return read(wire.workload(), value.workload);
}

std::string encode(const NodeCommand& value) {
  record::NodeCommand wire;
  write_context(value.context, *wire.mutable_context());
  std::visit(Overloaded{
                 [&](const UpdateNode& c) {
                   auto& out = *wire.mutable_update();
                   out.set_node(c.node.value);
                   write_labels(c.set_labels, *out.mutable_set_labels());
                   for (const auto& key : c.remove_labels) out.add_remove_labels(key);
                   for (const auto& taint : c.set_taints) write(taint, *out.add_set_taints());
                   for (const auto& key : c.remove_taints) out.add_remove_taints(key);
                   out.set_expected_revision(c.expected_revision);
                 },
                 [&](const CordonNode& c) {
                   auto& out = *wire.mutable_cordon();
                   out.set_node(c.node.value);
                   out.set_cordoned(c.cordoned);
                   out.set_expected_revision(c.expected_revision);
                 },
                 [&](const DrainNode& c) {
                   auto& out = *wire.mutable_drain();
                   out.set_node(c.node.value);
                   out.set_expected_revision(c.expected_revision);
                 },
             },
             value.action);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, NodeCommand& value) {
  record::NodeCommand wire;
  if (!from_bytes(bytes, kMaxRecordBytes, wire) || !wire.has_context()) return false;
  value.context = read_context(wire.context());
  switch (wire.action_case()) {
    case record::NodeCommand::kUpdate:
      return read_update_node(wire.update(), value.action.emplace<UpdateNode>());
    case record::NodeCommand::kCordon:
      return read_cordon(wire.cordon(), value.action.emplace<CordonNode>());
    case record::NodeCommand::kDrain:
      return read_drain(wire.drain(), value.action.emplace<DrainNode>());
    case record::NodeCommand::ACTION_NOT_SET:
      return false;
  }
  return false;
}

std::string encode(const NodeReply& value) {
  record::NodeReply wire;
  write(value.node, *wire.mutable_node());
  wire.set_store_revision(value.store_revision);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, NodeReply& value) {
  record::NodeReply wire;
  value = {};
  if (!from_bytes(bytes, kMaxRecordBytes, wire)) return false;
  value.store_revision = wire.store_revision();
  return read(wire.node(), value.node);
}

}  // namespace cloudless::codec
