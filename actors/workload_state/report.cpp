#include "actors/workload_state/report.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "actors/workload_state/image_pin.hpp"
#include "actors/workload_state/reason.hpp"
#include "actors/workload_state/transitions.hpp"

namespace cloudless::workload_state {
namespace {

bool is_newer(const Replica& known, std::uint64_t incarnation, std::uint64_t sequence) {
  return std::pair(incarnation, sequence) > std::pair(known.node_incarnation, known.report_sequence);
}

/// Whether it is ready, and why not. An agent that was restarted keeps what was known of this attempt until
/// its probes have answered: its containers went on serving.
void take_health(Replica& replica, const ReplicaReport& report) {
  const bool goes_on = replica.attempt == report.attempt && replica.phase == Phase::running;
  if (report.undecided && goes_on && report.phase == Phase::running) return;
  // A replica on its way out never serves again, whatever its agent still sees.
  replica.ready = report.ready && report.phase == Phase::running && !replica.stop_requested();
  replica.was_ready = replica.ready || (replica.attempt == report.attempt && replica.was_ready);
  replica.reason = shortened(report.reason);
  auto probes = report.probes;
  for (auto& probe : probes) probe.failure = shortened(probe.failure);
  replica.probes = std::move(probes);
}

/// When it ran, became ready and ended, by store time.
void take_moments(Replica& replica, const Replica& before, Millis moment) {
  if (is_terminal(replica.phase) && replica.ended_at == 0) replica.ended_at = moment;
  if (replica.phase == Phase::running && replica.running_at == 0) replica.running_at = moment;
  if (!replica.ready) {
    replica.ready_at = 0;
    return;
  }
  // Ready in another attempt means that there was a break in between, whether it was reported or not.
  if (!before.ready || before.attempt != replica.attempt) replica.ready_at = moment;
  if (replica.first_ready_at == 0) replica.first_ready_at = moment;
}

void take_state(Replica& replica, const ReplicaReport& report) {
  take_health(replica, report);
  replica.attempt = std::max(replica.attempt, report.attempt);
  replica.phase = report.phase;
  if (!report.container.empty()) replica.container = report.container;
  replica.address = report.address;
  if (report.exit_code) replica.exit_code = report.exit_code;
  replica.last_end = shortened(report.last_end);
  if (report.started_at != 0) replica.started_at = report.started_at;
  replica.published_ports = report.published_ports;
  // While it prepares the digest is only what its node found.
  if (report.phase > Phase::preparing && !report.image_digest.empty())
    replica.image_digest = report.image_digest;
  if (is_terminal(replica.phase)) {
    replica.serving = false;
  }
}

/// The agent came back behind what was known of the replica: it has forgotten, or begins anew.
Replica set_back(Replica replica, const ReplicaReport& report) {
  replica.ready = false;
  replica.ready_at = 0;
  if (report.attempt < replica.attempt && report.phase >= Phase::starting) {
    // A container of an earlier attempt runs: the one that was known is gone with its history.
    replica.phase = Phase::lost;
    replica.serving = false;
    replica.reason = "node " + replica.node.value + " came back without its container";
  }
  return replica;
}

/// The replica after the report; as it was if the report is refused.
Replica after_report(const Replica& known, std::uint64_t incarnation, const ReplicaReport& report,
                     Millis moment) {
  if (!is_newer(known, incarnation, report.sequence) || !may_be_reported(report.phase)) return known;
  if (is_legal({known.attempt, known.phase}, {report.attempt, report.phase})) {
    Replica out = known;
    take_state(out, report);
    take_moments(out, known, moment);
    out.node_incarnation = incarnation;
    out.report_sequence = report.sequence;
    return out;
  }
  // Within an incarnation the agent's own clock only moves forward, too. A setback is not noted as its first
  // word, so that the next one is judged the same way.
  return incarnation > known.node_incarnation ? set_back(known, report) : known;
}

void take(owner::Plan& plan, const NodeReport& report, const ReplicaReport& item, Millis moment) {
  const auto known = plan.now().replica(item.replica);
  if (!known || known->node != report.node || is_terminal(known->phase)) return;
  pin_image(plan, *known, item);
  Replica replica = after_report(*known, report.incarnation, item, moment);
  if (replica != *known) plan.put(std::make_shared<const Replica>(std::move(replica)));
}

}  // namespace

Result<ReportAck> apply(owner::Plan& plan, const NodeReport& report, Millis moment) {
  const auto node = plan.now().node(report.node);
  if (!node)
    return fail(Errc::unavailable, "node " + report.node.value + " is not registered here; say hello first");
  if (report.incarnation > node->incarnation)
    return fail(Errc::unavailable, "incarnation " + std::to_string(report.incarnation) + " of node " +
                                       report.node.value + " is not known here yet");
  ReportAck ack;
  ack.incarnation = report.incarnation;
  for (const auto& item : report.replicas) {
    ack.items.push_back({item.replica, item.sequence});
    // An older incarnation's process has ended: what it said last does not matter any more.
    if (report.incarnation < node->incarnation) continue;
    take(plan, report, item, moment);
    plan.seal();
  }
  return ack;
}

}  // namespace cloudless::workload_state
