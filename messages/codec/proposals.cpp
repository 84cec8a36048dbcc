// Proposals of deciders and the owner's answers.
#include <algorithm>

#include "cloudless/record/proposal.pb.h"
#include "messages/codec/message_bytes.hpp"
#include "messages/codec/record_message.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::codec {
namespace {

constexpr int kMaxItems = 100000;
constexpr std::uint32_t kMaxAddCount = 100;
constexpr std::size_t kMaxExplanation = 1024;

void write_assign(const AssignReplica& item, record::AssignReplica& out) {
  out.set_replica(item.replica.value);
  out.set_node(item.node.value);
  out.set_schedulable_revision(item.schedulable_revision);
  for (const auto gpu : item.gpus) out.add_gpus(gpu);
}

struct ItemWriter {
  record::ProposalItem& out;

  void operator()(const AddReplicas& item) const {
    out.mutable_add()->set_workload(item.workload.value);
    out.mutable_add()->set_version(item.version);
    out.mutable_add()->set_first_ordinal(item.first_ordinal);
    out.mutable_add()->set_count(item.count);
    out.mutable_add()->set_current_version(item.current_version);
  }
  void operator()(const AssignReplica& item) const { write_assign(item, *out.mutable_assign()); }
  void operator()(const AssignGang& item) const {
    auto& wire = *out.mutable_assign_gang();
    for (const auto& member : item.members) write_assign(member, *wire.add_members());
  }
  void operator()(const ExplainPending& item) const {
    out.mutable_explain()->set_replica(item.replica.value);
    out.mutable_explain()->set_reason(item.reason.substr(0, kMaxExplanation));
  }
  void operator()(const StopReplica& item) const {
    out.mutable_stop()->set_replica(item.replica.value);
    out.mutable_stop()->set_cause(static_cast<record::StopCause>(item.cause));
    out.mutable_stop()->set_for_replica(item.for_replica.value);
  }
  void operator()(const ForgetReplica& item) const {
    out.mutable_forget_replica()->set_replica(item.replica.value);
  }
  void operator()(const ForgetWorkload& item) const {
    out.mutable_forget_workload()->set_workload(item.workload.value);
  }
  void operator()(const ForgetVersion& item) const {
    out.mutable_forget_version()->set_workload(item.workload.value);
    out.mutable_forget_version()->set_version(item.version);
  }
  void operator()(const SwitchServing& item) const {
    out.mutable_switch_serving()->set_workload(item.workload.value);
    out.mutable_switch_serving()->set_rollout(item.rollout);
    out.mutable_switch_serving()->set_version(item.version);
  }
  void operator()(const PromoteRollout& item) const {
    out.mutable_promote()->set_workload(item.workload.value);
    out.mutable_promote()->set_rollout(item.rollout);
  }
  void operator()(const EndRollout& item) const {
    auto& wire = *out.mutable_end_rollout();
    wire.set_workload(item.workload.value);
    wire.set_rollout(item.rollout);
    wire.set_state(static_cast<record::RolloutState>(item.state));
    wire.set_reason(item.reason.substr(0, kMaxExplanation));
    wire.set_back_to(item.back_to);
    wire.set_workload_revision(item.workload_revision);
  }
  void operator()(const MarkTime& item) const {
    out.mutable_mark_time()->set_workload(item.workload.value);
    out.mutable_mark_time()->set_rollout(item.rollout);
  }
  void operator()(const ForgetRollout& item) const {
    out.mutable_forget_rollout()->set_workload(item.workload.value);
    out.mutable_forget_rollout()->set_rollout(item.rollout);
  }
};

bool read_add(const record::AddReplicas& wire, AddReplicas& out) {
  out.version = wire.version();
  out.first_ordinal = wire.first_ordinal();
  out.count = wire.count();
  out.current_version = wire.current_version();
  return out.count >= 1 && out.count <= kMaxAddCount && read_uid(wire.workload(), out.workload);
}

bool read_assign(const record::AssignReplica& wire, AssignReplica& out) {
  out.schedulable_revision = wire.schedulable_revision();
  return read_replica_id(wire.replica(), out.replica) && read_node_id(wire.node(), out.node) &&
         read_gpus(wire.gpus(), out.gpus);
}

bool read_gang(const record::AssignGang& wire, AssignGang& out) {
  if (wire.members_size() < 1 || wire.members_size() > static_cast<int>(kMaxGang)) return false;
  return std::all_of(wire.members().begin(), wire.members().end(), [&](const record::AssignReplica& member) {
    return read_assign(member, out.members.emplace_back());
  });
}

bool read_explain(const record::ExplainPending& wire, ExplainPending& out) {
  out.reason = wire.reason();
  return out.reason.size() <= kMaxExplanation && read_replica_id(wire.replica(), out.replica);
}

bool read_stop(const record::StopReplica& wire, StopReplica& out) {
  return read_replica_id(wire.replica(), out.replica) &&
         read_optional_replica_id(wire.for_replica(), out.for_replica) &&
         read_enum(wire.cause(), StopCause::rollout, StopCause::rebalance, out.cause);
}

bool read_forget_version(const record::ForgetVersion& wire, ForgetVersion& out) {
  out.version = wire.version();
  return read_uid(wire.workload(), out.workload);
}

template <class Wire, class Item>
bool read_rollout_of(const Wire& wire, Item& out) {
  out.rollout = wire.rollout();
  return read_uid(wire.workload(), out.workload);
}

bool read_switch(const record::SwitchServing& wire, SwitchServing& out) {
  out.version = wire.version();
  return read_rollout_of(wire, out);
}

bool read_end(const record::EndRollout& wire, EndRollout& out) {
  out.reason = wire.reason();
  out.back_to = wire.back_to();
  out.workload_revision = wire.workload_revision();
  return out.reason.size() <= kMaxExplanation && read_rollout_of(wire, out) &&
         read_enum(wire.state(), RolloutState::completed, RolloutState::failed, out.state);
}

bool read_item(const record::ProposalItem& wire, ProposalItem& out) {
  switch (wire.item_case()) {
    case record::ProposalItem::kAdd:
      return read_add(wire.add(), out.emplace<AddReplicas>());
    case record::ProposalItem::kAssign:
      return read_assign(wire.assign(), out.emplace<AssignReplica>());
    case record::ProposalItem::kExplain:
      return read_explain(wire.explain(), out.emplace<ExplainPending>());
    case record::ProposalItem::kStop:
      return read_stop(wire.stop(), out.emplace<StopReplica>());
    case record::ProposalItem::kForgetReplica:
      return read_replica_id(wire.forget_replica().replica(), out.emplace<ForgetReplica>().replica);
    case record::ProposalItem::kForgetWorkload:
      return read_uid(wire.forget_workload().workload(), out.emplace<ForgetWorkload>().workload);
    case record::ProposalItem::kForgetVersion:
      return read_forget_version(wire.forget_version(), out.emplace<ForgetVersion>());
    case record::ProposalItem::kSwitchServing:
      return read_switch(wire.switch_serving(), out.emplace<SwitchServing>());
    case record::ProposalItem::kPromote:
      return read_rollout_of(wire.promote(), out.emplace<PromoteRollout>());
    case record::ProposalItem::kEndRollout:
      return read_end(wire.end_rollout(), out.emplace<EndRollout>());
    case record::ProposalItem::kMarkTime:
      return read_rollout_of(wire.mark_time(), out.emplace<MarkTime>());
    case record::ProposalItem::kForgetRollout:
      return read_rollout_of(wire.forget_rollout(), out.emplace<ForgetRollout>());
    case record::ProposalItem::kAssignGang:
      return read_gang(wire.assign_gang(), out.emplace<AssignGang>());
    case record::ProposalItem::ITEM_NOT_SET:
      return false;
  }
  return false;
}

}  // namespace

std::string encode(const Proposal& value) {
  record::Proposal wire;
  wire.set_from(value.from);
  wire.set_seen_at(value.seen_at);
  for (const auto& item : value.items) std::visit(ItemWriter{*wire.add_items()}, item);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, Proposal& value) {
  record::Proposal wire;
  value = {};
  if (!from_bytes(bytes, kMaxBatchBytes, wire) || wire.items_size() > kMaxItems) return false;
  value.from = wire.from();
  value.seen_at = wire.seen_at();
  for (const auto& item : wire.items()) {
    if (!read_item(item, value.items.emplace_back())) return false;
  }
  return true;
}

std::string encode(const ProposalAnswer& value) {
  record::ProposalAnswer wire;
  wire.set_judged_at(value.judged_at);
  for (const auto& item : value.items) write(item, *wire.add_items());
  return to_bytes(wire);
}

bool decode(std::string_view bytes, ProposalAnswer& value) {
  record::ProposalAnswer wire;
  value = {};
  if (!from_bytes(bytes, kMaxBatchBytes, wire) || wire.items_size() > kMaxItems) return false;
  value.judged_at = wire.judged_at();
  for (const auto& item : wire.items()) {
    if (!read(item, value.items.emplace_back())) return false;
  }
  return true;
}

}  // namespace cloudless::codec
