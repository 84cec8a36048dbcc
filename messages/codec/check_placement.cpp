#include "messages/codec/check_placement.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "messages/codec/api_spec.hpp"
#include "messages/codec/bounds.hpp"
#include "messages/codec/placement_message.hpp"
#include "messages/domain/label_number.hpp"
#include "messages/domain/names.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxPlaces = 64;
constexpr std::size_t kMaxTerms = 16;
constexpr std::size_t kMaxValues = 64;

using Expression = api::LabelExpression;

template <class Names>
void check_places(const Names& names, const std::string& path, std::size_t most, Violations& v) {
  v.check_count(path, static_cast<std::size_t>(names.size()), most);
  std::set<std::string> seen;
  std::size_t index = 0;
  for (const auto& name : names) {
    const auto here = item(path, index++);
    if (name.empty() || !is_label_value(name))
      v.add(here, "must be 1-63 characters of [A-Za-z0-9._/-]");
    else if (!seen.insert(name).second)
      v.add(here, "is '" + name + "' again");
  }
}

/// What all required rules together leave of one label.
struct Demand {
  std::optional<std::set<std::string>> allowed;
  std::set<std::string> forbidden;
  bool present = false;
  bool absent = false;
  std::int64_t above = std::numeric_limits<std::int64_t>::min();
  std::int64_t below = std::numeric_limits<std::int64_t>::max();

  void allow(std::set<std::string> values) {
    present = true;
    if (!allowed) {
      allowed = std::move(values);
      return;
    }
    std::erase_if(*allowed, [&](const std::string& value) { return !values.contains(value); });
  }
  bool impossible() const {
    if (present && absent) return true;
    if (above != std::numeric_limits<std::int64_t>::min() &&
        below != std::numeric_limits<std::int64_t>::max() && below - above < 2)
      return true;
    return allowed && std::all_of(allowed->begin(), allowed->end(), [&](const std::string& value) {
             const auto number = label_number(value);
             const bool bounded = above != std::numeric_limits<std::int64_t>::min() ||
                                  below != std::numeric_limits<std::int64_t>::max();
             return forbidden.contains(value) ||
                    (bounded && (!number || *number <= above || *number >= below));
           });
  }
};

class PlacementCheck {
 public:
  PlacementCheck(const api::WorkloadSpec& spec, std::string path, Violations& v)
      : placement_(spec.placement()), path_(std::move(path)), v_(v) {}

  void run() {
    check_places(placement_.regions(), path_ + ".regions", kMaxPlaces, v_);
    check_places(placement_.zones(), path_ + ".zones", kMaxPlaces, v_);
    check_places(placement_.architectures(), path_ + ".architectures", kMaxTerms, v_);
    check_labels(placement_.node_selector(), path_ + ".node_selector", v_);
    for (const auto& [key, value] : placement_.node_selector()) {
      auto& demand = demands_[key];
      demand.allow({value});
      refuse_impossible(key, path_ + ".node_selector[" + key + "]");
    }
    check_terms(placement_.affinity(), path_ + ".affinity", false);
    check_terms(placement_.anti_affinity(), path_ + ".anti_affinity", true);
    check_tolerations();
    check_spread();
  }

 private:
  template <class Terms>
  void check_terms(const Terms& terms, const std::string& path, bool away) {
    v_.check_count(path, static_cast<std::size_t>(terms.size()), kMaxTerms);
    std::size_t index = 0;
    for (const auto& term : terms) check_term(term, item(path, index++), away);
  }

  void check_term(const api::AffinityTerm& term, const std::string& path, bool away) {
    const auto topology = topology_of(term.topology_key());
    const bool nodes = term.node_expressions_size() > 0;
    if (!topology)
      v_.add(path + ".topology_key", "is '" + term.topology_key().substr(0, 63) +
                                         "', which is none of node, zone, region and kubernetes.io/hostname");
    if (term.weight() > 100) v_.add(path + ".weight", "is " + std::to_string(term.weight()) + "; 1 to 100");
    check_labels(term.workload_selector(), path + ".workload_selector", v_);
    if (nodes == !term.workload_selector().empty())
      v_.add(path, nodes ? "has both node_expressions and a workload_selector; make two terms of it"
                         : "has neither node_expressions nor a workload_selector");
    if (away && nodes)
      v_.add(path + ".node_expressions",
             "cannot be here; say NOT_IN or DOES_NOT_EXIST in placement.affinity instead");
    else if (nodes && topology && *topology != Topology::node)
      v_.add(path + ".topology_key", "must be node where node_expressions are given");
    check_expressions(term, path);
    if (term.required() && topology && !nodes) check_workloads(term, *topology, path, away);
  }

  void check_expressions(const api::AffinityTerm& term, const std::string& term_path) {
    v_.check_count(term_path + ".node_expressions", static_cast<std::size_t>(term.node_expressions_size()),
                   kMaxTerms);
    std::size_t index = 0;
    for (const auto& expression : term.node_expressions()) {
      const auto path = item(term_path + ".node_expressions", index++);
      if (!check_expression(expression, path) || !term.required()) continue;
      demand(expression);
      refuse_impossible(expression.key(), path);
    }
  }

  bool check_expression(const Expression& expression, const std::string& path) {
    bool good = is_label_key(expression.key());
    if (!good) v_.add(path + ".key", "must be 1-63 characters of [A-Za-z0-9._/-]");
    const auto count = static_cast<std::size_t>(expression.values_size());
    const auto refuse = [&](const char* field, std::string reason) {
      v_.add(path + "." + field, std::move(reason));
      good = false;
    };
    if (expression.operator_() == Expression::OPERATOR_UNSPECIFIED ||
        !Expression::Operator_IsValid(expression.operator_()))
      refuse("operator",
             "must be one of OPERATOR_IN, OPERATOR_NOT_IN, OPERATOR_EXISTS, OPERATOR_DOES_NOT_EXIST, "
             "OPERATOR_GT, OPERATOR_LT");
    switch (static_cast<LabelOperator>(expression.operator_())) {
      case LabelOperator::in:
      case LabelOperator::not_in:
        if (count < 1 || count > kMaxValues)
          refuse("values", "has " + std::to_string(count) + " items; 1 to 64");
        for (const auto& value : expression.values())
          if (!is_label_value(value))
            refuse("values", "has one that is not 0-63 characters of [A-Za-z0-9._/-]");
        break;
      case LabelOperator::exists:
      case LabelOperator::does_not_exist:
        if (count > 0) refuse("values", "must be empty with this operator");
        break;
      case LabelOperator::greater:
      case LabelOperator::less:
        if (count != 1 || !label_number(expression.values(0)))
          refuse("values", "must be one integer with this operator");
        break;
    }
    return good;
  }

  void demand(const Expression& expression) {
    auto& label = demands_[expression.key()];
    std::set<std::string> values(expression.values().begin(), expression.values().end());
    switch (static_cast<LabelOperator>(expression.operator_())) {
      case LabelOperator::in:
        return label.allow(std::move(values));
      case LabelOperator::not_in:
        return label.forbidden.merge(values);
      case LabelOperator::exists:
        label.present = true;
        return;
      case LabelOperator::does_not_exist:
        label.absent = true;
        return;
      case LabelOperator::greater:
        label.present = true;
        label.above = std::max(label.above, *label_number(expression.values(0)));
        return;
      case LabelOperator::less:
        label.present = true;
        label.below = std::min(label.below, *label_number(expression.values(0)));
        return;
    }
  }

  void refuse_impossible(const std::string& key, const std::string& path) {
    if (!demands_[key].impossible() || !refused_.insert(key).second) return;
    v_.add(path,
           "contradicts the other rules about label '" + key + "': no node can meet all of them; drop one");
  }

  /// The same workloads as near and as far: no domain can meet both.
  void check_workloads(const api::AffinityTerm& term, Topology topology, const std::string& path, bool away) {
    const Labels selector{term.workload_selector().begin(), term.workload_selector().end()};
    auto& mine = away ? apart_ : together_;
    const auto& other = away ? together_ : apart_;
    mine.insert({selector, topology});
    if (other.contains({selector, topology}))
      v_.add(path, "contradicts the required rule of the same selector and topology in " +
                       std::string(away ? "affinity" : "anti_affinity") + "; drop one");
  }

  void check_tolerations() {
    const auto path = path_ + ".tolerations";
    v_.check_count(path, static_cast<std::size_t>(placement_.tolerations_size()), kMaxPlaces);
    std::size_t index = 0;
    for (const auto& toleration : placement_.tolerations()) {
      const auto here = item(path, index++);
      if (!toleration.key().empty() && !is_label_key(toleration.key()))
        v_.add(here + ".key", "must be empty or 1-63 characters of [A-Za-z0-9._/-]");
      if (!is_label_value(toleration.value()))
        v_.add(here + ".value", "must be 0-63 characters of [A-Za-z0-9._/-]");
      if (toleration.key().empty() && !toleration.value().empty())
        v_.add(here + ".value", "goes with a key only; leave it out to put up with every taint");
      if (!api::TaintEffect_IsValid(toleration.effect()))
        v_.add(here + ".effect",
               "is " + std::to_string(toleration.effect()) + ", which is not a known effect");
      if (toleration.has_toleration_seconds()) {
        v_.check_range(here + ".toleration_seconds", toleration.toleration_seconds(), 0, 31'536'000);
        if (toleration.effect() != api::TAINT_EFFECT_NO_EXECUTE)
          v_.add(here + ".toleration_seconds", "goes with effect TAINT_EFFECT_NO_EXECUTE only");
      }
    }
  }

  void check_spread() {
    const auto spread = spread_of(placement_.spread_topology());
    if (!spread)
      v_.add(path_ + ".spread_topology", "is '" + placement_.spread_topology().substr(0, 63) +
                                             "', which is none of node, zone, region and none");
    if (!placement_.has_max_skew()) return;
    v_.check_range(path_ + ".max_skew", placement_.max_skew(), 1, 1000);
    if (spread && *spread == Spread::none)
      v_.add(path_ + ".max_skew", "cannot be a rule while spread_topology is none");
  }

  const api::Placement& placement_;
  const std::string path_;
  Violations& v_;
  std::map<std::string, Demand> demands_;
  std::set<std::string> refused_;
  std::set<std::pair<Labels, Topology>> together_;
  std::set<std::pair<Labels, Topology>> apart_;
};

void check_scoring(const api::Scoring& scoring, const std::string& path, Violations& v) {
  const struct {
    const char* name;
    std::uint32_t value;
  } weights[] = {{"locality_milli", scoring.locality_milli()},
                 {"reliability_milli", scoring.reliability_milli()},
                 {"cost_milli", scoring.cost_milli()},
                 {"utilization_milli", scoring.utilization_milli()},
                 {"network_milli", scoring.network_milli()}};
  for (const auto& weight : weights) v.check_range(path + "." + weight.name, weight.value, 0, 1000);
  if (!api::Scoring::Mode_IsValid(scoring.mode()))
    v.add(path + ".mode",
          "is " + std::to_string(scoring.mode()) + ", which is not a known mode (PACK, BALANCE)");
}

}  // namespace

void check_placement(const api::WorkloadSpec& spec, const std::string& path, Violations& v) {
  PlacementCheck(spec, join(path, "placement"), v).run();
  check_scoring(spec.scoring(), join(path, "scoring"), v);
  v.check_range(join(path, "priority"), spec.priority(), 0, 1000);
  const std::uint64_t replicas = spec.has_replicas() ? spec.replicas() : 1;
  if (spec.all_or_nothing() && replicas > kMaxGang)
    v.add(join(path, "all_or_nothing"), "goes with at most " + std::to_string(kMaxGang) +
                                            " replicas, which are placed in one atomic step; " +
                                            std::to_string(replicas) + " are asked for");
}

}  // namespace cloudless::codec
