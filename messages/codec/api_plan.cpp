#include "messages/codec/api_plan.hpp"

#include <set>

#include "messages/codec/api_spec.hpp"
#include "messages/codec/bounds.hpp"
#include "messages/codec/violations.hpp"
#include "messages/domain/names.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMostTargets = 100;
constexpr std::uint32_t kMostMoves = 100;
constexpr std::uint32_t kMostGain = 10'000'000;

QualifiedName name_of(const api::PlanTarget& target) {
  return {target.namespace_().empty() ? "default" : target.namespace_(), target.name()};
}

}  // namespace

Result<std::vector<PlanTarget>> parse_targets(const api::PlanRequest& request) {
  Violations v;
  const auto& workloads = request.apply().workloads();
  if (workloads.empty()) v.add("apply.workloads", "is empty: name at least one workload");
  v.check_count("apply.workloads", static_cast<std::size_t>(workloads.size()), kMostTargets);
  std::set<QualifiedName> seen;
  std::size_t index = 0;
  for (const auto& target : workloads) {
    const auto path = item("apply.workloads", index++);
    const auto name = name_of(target);
    if (!is_dns_label(name.ns)) v.add(path + ".namespace", kLabelRule);
    if (!is_dns_label(name.name))
      v.add(path + ".name", name.name.empty() ? "is required" : kLabelRule);
    else if (!seen.insert(name).second)
      v.add(path + ".name", "is '" + name.ns + "/" + name.name + "' a second time");
    check_spec(target.spec(), path + ".spec", v);
  }
  v.check_known(request, "");
  if (auto error = v.error("the plan")) return fail(std::move(*error));
  std::vector<PlanTarget> out;
  for (const auto& target : workloads) {
    auto spec = parse_spec(target.spec());
    if (!spec) return fail(spec.error());
    out.push_back({name_of(target), std::move(*spec), !target.spec().has_replicas()});
  }
  return out;
}

Result<RebalanceQuestion> parse_rebalance(const api::RebalanceRequest& request) {
  Violations v;
  RebalanceQuestion out;
  out.ns = request.namespace_();
  if (!out.ns.empty() && !is_dns_label(out.ns)) v.add("namespace", kLabelRule);
  if (request.has_budget()) {
    v.check_range("budget", request.budget(), 1, kMostMoves);
    out.budget = request.budget();
  }
  if (request.has_min_gain()) {
    v.check_range("min_gain", request.min_gain(), 0, kMostGain);
    out.min_gain = static_cast<std::int32_t>(request.min_gain());
  }
  v.check_known(request, "");
  if (auto error = v.error("the request")) return fail(std::move(*error));
  return out;
}

}  // namespace cloudless::codec
