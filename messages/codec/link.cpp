// What crosses the link between coordinator and agent, and what an agent keeps on its disk.
#include <map>
#include <utility>

#include "cloudless/record/link.pb.h"
#include "messages/codec/message_bytes.hpp"
#include "messages/codec/record_message.hpp"
#include "messages/codec/spec_message.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::codec {
namespace {

constexpr std::uint32_t kMaxSetParts = 4096;
constexpr std::size_t kMaxSetPart = 64 << 10;

void write_assignment(const Assignment& assignment, record::Assignment& out) {
  out.set_replica(assignment.replica.value);
  out.set_workload(assignment.workload.value);
  out.set_namespace_(assignment.ns);
  out.set_workload_name(assignment.workload_name);
  out.set_version(assignment.version);
  out.set_stop(static_cast<record::StopCause>(assignment.stop));
  for (const auto gpu : assignment.gpus) out.add_gpus(gpu);
  write(assignment.limits, *out.mutable_limits());
  if (assignment.image != ImagePin{}) {
    out.mutable_image()->set_digest(assignment.image.digest);
    out.mutable_image()->set_resolver(assignment.image.resolver.value);
  }
  for (const auto& credentials : assignment.access.credentials)
    write(credentials, *out.mutable_access()->add_credentials());
  for (const auto& problem : assignment.access.problems) out.mutable_access()->add_problems(problem);
}

bool read_access(const record::PullAccess& wire, PullAccess& out) {
  out.problems.assign(wire.problems().begin(), wire.problems().end());
  for (const auto& credentials : wire.credentials())
    if (!read(credentials, out.credentials.emplace_back())) return false;
  return true;
}

/// Replicas of one version have the same pod: files of a spec travel once, not once for each of them.
void write_pods(const std::vector<Assignment>& assignments, record::AssignmentSet& out) {
  std::map<std::pair<WorkloadUid, std::uint64_t>, std::uint32_t> with_files;
  for (std::uint32_t i = 0; i < assignments.size(); ++i) {
    const auto& assignment = assignments[i];
    auto& wire = *out.mutable_assignments(static_cast<int>(i));
    if (!assignment.pod.config_files.empty()) {
      const auto [first, fresh] = with_files.try_emplace({assignment.workload, assignment.version}, i);
      if (!fresh && assignments[first->second].pod == assignment.pod) {
        wire.set_pod_of(first->second + 1);
        continue;
      }
    }
    write(assignment.pod, *wire.mutable_pod());
  }
}

bool read_pod(const record::Assignment& wire, const std::vector<Assignment>& before, Template& out) {
  if (wire.pod_of() == 0) return read(wire.pod(), out);
  // The last of them is the one being read.
  if (wire.pod_of() >= before.size() || wire.has_pod()) return false;
  out = before[wire.pod_of() - 1].pod;
  return true;
}

/// A cause of a later version stops as any other does.
bool read_stop_cause(int wire, StopCause& out) {
  if (wire > static_cast<int>(StopCause::rebalance)) {
    out = StopCause::rollout;
    return true;
  }
  return read_enum(wire, StopCause::none, StopCause::rebalance, out);
}

bool read_assignment(const record::Assignment& wire, Assignment& out) {
  out.version = wire.version();
  return read_replica_id(wire.replica(), out.replica) && read_uid(wire.workload(), out.workload) &&
         read_name(wire.namespace_(), out.ns) && read_name(wire.workload_name(), out.workload_name) &&
         read_stop_cause(wire.stop(), out.stop) && read_gpus(wire.gpus(), out.gpus) &&
         // Without them it is of a version of ours that had the limits in the template.
         read(wire.has_limits() ? wire.limits() : wire.pod().resources(), out.limits) &&
         read_optional_digest(wire.image().digest(), out.image.digest) &&
         read_optional_replica_id(wire.image().resolver(), out.image.resolver) &&
         read_access(wire.access(), out.access);
}

bool read_hello(const record::Hello& wire, Hello& out) {
  out.boot_id = wire.boot_id();
  out.pinned_cluster = wire.pinned_cluster();
  out.set_revision = wire.set_revision();
  return read(wire.description(), out.description);
}

bool read_welcome(const record::Welcome& wire, Welcome& out) {
  out.cluster_id = wire.cluster_id();
  out.boot_id = wire.boot_id();
  out.incarnation = wire.incarnation();
  return !out.cluster_id.empty() && wire.lease_interval_ms() > 0 && wire.lease_duration_ms() > 0 &&
         read_millis(wire.lease_interval_ms(), out.lease_interval) &&
         read_millis(wire.lease_duration_ms(), out.lease_duration);
}

bool read_part(const record::SetPart& wire, SetPart& out) {
  if (wire.count() > kMaxSetParts || wire.index() >= wire.count() || wire.bytes().size() > kMaxSetPart)
    return false;
  out = {wire.revision(), wire.index(), wire.count(), wire.bytes()};
  return true;
}

struct FrameWriter {
  record::LinkFrame& out;

  void operator()(const Hello& hello) const {
    auto& wire = *out.mutable_hello();
    write(hello.description, *wire.mutable_description());
    wire.set_boot_id(hello.boot_id);
    wire.set_pinned_cluster(hello.pinned_cluster);
    wire.set_set_revision(hello.set_revision);
  }
  void operator()(const Welcome& welcome) const {
    auto& wire = *out.mutable_welcome();
    wire.set_cluster_id(welcome.cluster_id);
    wire.set_boot_id(welcome.boot_id);
    wire.set_incarnation(welcome.incarnation);
    wire.set_lease_interval_ms(welcome.lease_interval);
    wire.set_lease_duration_ms(welcome.lease_duration);
  }
  void operator()(const Refused& refused) const {
    write(refused.error, *out.mutable_refused()->mutable_error());
  }
  void operator()(const Lease& lease) const {
    auto& wire = *out.mutable_lease();
    wire.set_incarnation(lease.incarnation);
    wire.set_sequence(lease.sequence);
    wire.set_set_revision(lease.set_revision);
    wire.set_rtt_ms(lease.rtt_ms);
  }
  void operator()(const LeaseAck& ack) const { out.mutable_lease_ack()->set_sequence(ack.sequence); }
  void operator()(const SetPart& part) const {
    auto& wire = *out.mutable_set_part();
    wire.set_revision(part.revision);
    wire.set_index(part.index);
    wire.set_count(part.count);
    wire.set_bytes(part.bytes);
  }
  void operator()(const NodeReport& report) const { write(report, *out.mutable_report()); }
  void operator()(const ReportAck& ack) const { write(ack, *out.mutable_report_ack()); }
  void operator()(const SessionFrame& frame) const { write(frame, *out.mutable_session()); }
};

}  // namespace

std::string encode(const LinkFrame& value) {
  record::LinkFrame wire;
  std::visit(FrameWriter{wire}, value);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, LinkFrame& value) {
  record::LinkFrame wire;
  if (!from_bytes(bytes, kMaxFrameBytes, wire)) return false;
  switch (wire.body_case()) {
    case record::LinkFrame::kHello:
      return read_hello(wire.hello(), value.emplace<Hello>());
    case record::LinkFrame::kWelcome:
      return read_welcome(wire.welcome(), value.emplace<Welcome>());
    case record::LinkFrame::kRefused:
      return wire.refused().has_error() && read(wire.refused().error(), value.emplace<Refused>().error);
    case record::LinkFrame::kLease:
      value = Lease{wire.lease().incarnation(), wire.lease().sequence(), wire.lease().set_revision(),
                    wire.lease().rtt_ms()};
      return true;
    case record::LinkFrame::kLeaseAck:
      value = LeaseAck{wire.lease_ack().sequence()};
      return true;
    case record::LinkFrame::kSetPart:
      return read_part(wire.set_part(), value.emplace<SetPart>());
    case record::LinkFrame::kReport:
      return read(wire.report(), value.emplace<NodeReport>());
    case record::LinkFrame::kReportAck:
      return read(wire.report_ack(), value.emplace<ReportAck>());
    case record::LinkFrame::kSession:
      return read(wire.session(), value.emplace<SessionFrame>());
    case record::LinkFrame::BODY_NOT_SET:
      return false;
  }
  return false;
}

std::string encode(const AssignmentSet& value) {
  record::AssignmentSet wire;
  wire.set_cluster_id(value.cluster_id);
  wire.set_node(value.node.value);
  wire.set_revision(value.revision);
  wire.set_full(value.full);
  wire.set_base_revision(value.base_revision);
  for (const auto& assignment : value.assignments) write_assignment(assignment, *wire.add_assignments());
  write_pods(value.assignments, wire);
  for (const auto& id : value.removed) wire.add_removed(id.value);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, AssignmentSet& value) {
  record::AssignmentSet wire;
  value = {};
  if (!from_bytes(bytes, kMaxSetParts * kMaxSetPart, wire)) return false;
  value.cluster_id = wire.cluster_id();
  value.revision = wire.revision();
  value.full = wire.full();
  value.base_revision = wire.base_revision();
  for (const auto& assignment : wire.assignments()) {
    auto& read_into = value.assignments.emplace_back();
    if (!read_assignment(assignment, read_into) || !read_pod(assignment, value.assignments, read_into.pod))
      return false;
  }
  for (const auto& id : wire.removed()) {
    if (!read_replica_id(id, value.removed.emplace_back())) return false;
  }
  return read_node_id(wire.node(), value.node);
}

}  // namespace cloudless::codec
