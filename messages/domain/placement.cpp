#include "messages/domain/placement.hpp"

#include <algorithm>

#include "messages/domain/label_number.hpp"

namespace cloudless {

const char* to_string(Topology topology) {
  switch (topology) {
    case Topology::node:
      return "node";
    case Topology::zone:
      return "zone";
    case Topology::region:
      return "region";
  }
  return "?";
}

bool LabelExpression::matches(const Labels& labels) const {
  const auto found = labels.find(key);
  const bool there = found != labels.end();
  const auto listed = [&] {
    return there && std::find(values.begin(), values.end(), found->second) != values.end();
  };
  switch (op) {
    case LabelOperator::in:
      return listed();
    case LabelOperator::not_in:
      return !listed();
    case LabelOperator::exists:
      return there;
    case LabelOperator::does_not_exist:
      return !there;
    case LabelOperator::greater:
    case LabelOperator::less: {
      if (!there || values.size() != 1) return false;
      const auto have = label_number(found->second), bound = label_number(values.front());
      if (!have || !bound) return false;
      return op == LabelOperator::greater ? *have > *bound : *have < *bound;
    }
  }
  return false;
}

bool tolerates(const std::vector<Toleration>& tolerations, const Taint& taint) {
  return std::any_of(tolerations.begin(), tolerations.end(), [&](const Toleration& t) {
    return (t.key.empty() || t.key == taint.key) && (t.value.empty() || t.value == taint.value) &&
           (!t.effect || *t.effect == taint.effect);
  });
}

bool selects(const Labels& selector, const Labels& labels) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

}  // namespace cloudless
