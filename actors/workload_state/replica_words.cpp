#include "actors/workload_state/replica_words.hpp"

#include <algorithm>

#include "messages/domain/node_trouble.hpp"

namespace cloudless::workload_state {
namespace {

/// The probe that keeps a running replica from being ready; nullptr if none says so.
const ProbeStatus* holding_back(const Replica& r) {
  for (const auto& probe : r.probes)
    if (probe.kind != ProbeKind::liveness && probe.standing != ProbeStanding::passing) return &probe;
  return nullptr;
}

/// It runs, and a probe of it keeps it from being ready.
std::string waiting_words(const Replica& r, WallMillis now) {
  const auto* probe = holding_back(r);
  return "waiting for " + r.id.value + ": " + *r.reason + lasting(probe != nullptr ? probe->since : 0, now);
}

}  // namespace

std::string plural(std::uint32_t n, const std::string& one) {
  return std::to_string(n) + " " + one + (n == 1 ? "" : "s");
}

std::string duration_words(Millis duration) {
  const auto seconds = std::max<Millis>(0, duration) / 1000;
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3600) + " h";
}

std::string lasting(WallMillis since, WallMillis now) {
  if (since == 0 || now <= since) return {};
  return " for " + duration_words(now - since);
}

std::string replica_words(const Replica& r, const Snapshot& snapshot, WallMillis now) {
  if (r.phase == Phase::running && !r.ready && !r.reason.empty()) return waiting_words(r, now);
  std::string out = "replica " + r.id.value + " is " + to_string(r.phase);
  const auto node = snapshot.node(r.node);
  if (!r.reason.empty())
    out += ": " + *r.reason;
  else if (!r.node.empty() && !node)
    out += " on node " + r.node.value + ", which is gone";
  else if (node && node->state != NodeState::ready)
    out += " on node " + r.node.value + ", which is " + to_string(node->state);
  return out;
}

std::string probe_words(const Replica& r, WallMillis now) {
  const auto* probe = holding_back(r);
  if (probe != nullptr && !probe->failure.empty()) return probe->failure + lasting(probe->since, now);
  if (r.reason.empty()) return {};
  return *r.reason + lasting(probe != nullptr ? probe->since : 0, now);
}

std::shared_ptr<const Replica> explained(const std::shared_ptr<const Replica>& r, const Snapshot& snapshot) {
  const bool awaited = r->phase == Phase::assigned || r->phase == Phase::preparing ||
                       r->phase == Phase::starting || (r->stop_requested() && !is_terminal(r->phase));
  if (!awaited || !r->reason.empty()) return r;
  const auto node = snapshot.node(r->node);
  if (!node || node->state != NodeState::ready) return r;
  const auto trouble = trouble_of(*node);
  if (trouble.empty()) return r;
  auto out = std::make_shared<Replica>(*r);
  out->reason = "node " + r->node.value + ": " + trouble;
  return out;
}

}  // namespace cloudless::workload_state
