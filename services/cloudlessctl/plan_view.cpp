#include "services/cloudlessctl/plan_view.hpp"

#include <map>
#include <vector>

#include "services/cloudlessctl/table.hpp"

namespace cloudless::cli {
namespace {

std::string counted(std::uint64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string replicas_text(std::uint64_t count) {
  return counted(count, "replica", "replicas");
}

std::string title(const api::PlannedWorkload& workload) {
  return workload.namespace_() + "/" + workload.name();
}

/// "node-1 (2), node-2": the nodes in the order of their first replica.
std::string places_text(const api::PlannedWorkload& workload) {
  std::vector<std::string> order;
  std::map<std::string, int> counts;
  for (const auto& replica : workload.replicas())
    if (counts[replica.place().node_id()]++ == 0) order.push_back(replica.place().node_id());
  std::string out;
  for (const auto& node : order) {
    out += (out.empty() ? "" : ", ") + node;
    if (counts[node] > 1) out += " (" + std::to_string(counts[node]) + ")";
  }
  const auto listed = static_cast<std::uint32_t>(workload.replicas_size());
  if (workload.placed() > listed) out += " and " + std::to_string(workload.placed() - listed) + " more";
  return out;
}

std::string evictions_text(const api::PlannedWorkload& workload) {
  std::string out;
  for (const auto& replica : workload.replicas())
    for (const auto& evicted : replica.evicts()) out += (out.empty() ? "" : ", ") + evicted;
  return out;
}

std::string waiting_text(const api::PlannedWorkload& workload) {
  return replicas_text(workload.unplaced()) + " would wait: " + workload.why_not().text();
}

const char* word_of(const api::PlannedWorkload& workload) {
  if (workload.change() == api::PlannedWorkload::CREATED) return "would be created";
  if (workload.change() == api::PlannedWorkload::MOVED) return "would be moved, to make room";
  if (workload.change() == api::PlannedWorkload::UNCHANGED) return "would stay as it is";
  return workload.new_version() ? "would be updated, every replica replaced" : "would be updated in place";
}

std::string block(const api::PlannedWorkload& workload) {
  std::string out = title(workload) + " " + word_of(workload) + "\n";
  for (const auto& field : workload.fields())
    out += "  " + field.path() + ": " + (field.before().empty() ? "not set" : field.before()) + " -> " +
           (field.after().empty() ? "not set" : field.after()) + "\n";
  if (workload.placed() > 0)
    out += "  " + replicas_text(workload.placed()) + " on " + places_text(workload) + "\n";
  if (const auto evicted = evictions_text(workload); !evicted.empty())
    out += "  stops, of lower priority: " + evicted + "\n";
  if (workload.unplaced() > 0) out += "  " + waiting_text(workload) + "\n";
  return out;
}

std::int64_t gain_of(const api::RebalanceMove& move) {
  return move.to().score() - move.from().score();
}

}  // namespace

bool changes_anything(const api::PlanReply& plan) {
  for (const auto& workload : plan.workloads())
    if (workload.change() != api::PlannedWorkload::UNCHANGED) return true;
  return false;
}

std::string applied_text(const api::PlanReply& plan) {
  std::string out;
  std::map<int, int> counts;
  std::uint64_t placed = 0, waiting = 0;
  for (const auto& workload : plan.workloads()) {
    out += block(workload);
    ++counts[workload.change()];
    placed += workload.placed();
    waiting += workload.unplaced();
  }
  out += "\n" + std::to_string(counts[api::PlannedWorkload::CREATED]) + " to create, " +
         std::to_string(counts[api::PlannedWorkload::UPDATED]) + " to update, " +
         std::to_string(counts[api::PlannedWorkload::UNCHANGED]) + " unchanged; " + replicas_text(placed) +
         " would be placed";
  if (waiting > 0) out += ", " + std::to_string(waiting) + " would wait";
  return out + "\n";
}

std::string moved_text(const api::PlanReply& plan, const std::string& what) {
  if (plan.workloads().empty()) return what + " would move nothing\n";
  std::vector<std::vector<std::string>> rows;
  std::string reasons;
  std::uint64_t placed = 0, waiting = 0, below = 0;
  for (const auto& workload : plan.workloads()) {
    const bool short_of = workload.serving_left() < workload.min_available();
    rows.push_back({title(workload), std::to_string(workload.serving_now()),
                    std::to_string(workload.serving_left()), std::to_string(workload.min_available()),
                    std::to_string(workload.placed() + workload.unplaced()), places_text(workload),
                    std::to_string(workload.unplaced())});
    placed += workload.placed();
    waiting += workload.unplaced();
    below += short_of ? 1 : 0;
    if (workload.unplaced() > 0) reasons += title(workload) + ": " + waiting_text(workload) + "\n";
  }
  std::string out = what + " would move " + replicas_text(placed + waiting) + " of " +
                    counted(static_cast<std::uint64_t>(plan.workloads_size()), "workload", "workloads");
  if (waiting > 0) out += "; " + std::to_string(waiting) + " of them would wait";
  if (below > 0)
    out += "; " + counted(below, "workload serves", "workloads serve") +
           " with fewer than promised until others run";
  out += "\n\n" + table_text({{"WORKLOAD"},
                              {"SERVING", true},
                              {"LEFT", true},
                              {"PROMISED", true},
                              {"MOVED", true},
                              {"TO"},
                              {"WAITING", true}},
                             rows);
  if (!reasons.empty()) out += "\n" + reasons;
  return out;
}

std::string moves_text(const api::RebalanceReply& reply, bool dry_run) {
  if (reply.moves().empty())
    return "nothing to move: none of " + replicas_text(reply.considered()) +
           " would be much better elsewhere\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& move : reply.moves()) {
    std::string why;
    for (const auto& lack : move.from().lacks()) why += (why.empty() ? "" : ", ") + lack;
    if (why.empty())
      why = "score " + std::string(gain_of(move) > 0 ? "+" : "") + std::to_string(gain_of(move));
    rows.push_back({move.replica_id(), move.namespace_() + "/" + move.workload(), move.from().node_id(),
                    move.to().node_id(), why});
  }
  std::string out = table_text({{"REPLICA"}, {"WORKLOAD"}, {"FROM"}, {"TO"}, {"WHY"}}, rows) + "\n";
  if (dry_run)
    out += replicas_text(static_cast<std::uint64_t>(reply.moves_size())) + " would be moved\n";
  else
    out += replicas_text(reply.started()) + " being moved, each as its workload's availability allows\n";
  return out;
}

}  // namespace cloudless::cli
