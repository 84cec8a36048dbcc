// Names of facts about nodes: two demands that ask the same of a node share one attribute of the engine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/domain/workload.hpp"

namespace cloudless::scheduler {

/// Equal lists of words have equal keys, and no others.
class FactKey {
 public:
  explicit FactKey(const std::string& kind) { add(kind); }
  FactKey& add(const std::string& word) {
    key_ += std::to_string(word.size()) + ':' + word;
    return *this;
  }
  FactKey& add(std::uint64_t number) { return add(std::to_string(number)); }
  FactKey& add_all(const std::vector<std::string>& words) {
    add(words.size());
    for (const auto& word : words) add(word);
    return *this;
  }
  FactKey& add_all(const std::vector<LabelExpression>& expressions) {
    add(expressions.size());
    for (const auto& e : expressions) add(e.key).add(static_cast<std::uint64_t>(e.op)).add_all(e.values);
    return *this;
  }
  FactKey& add_all(const std::vector<Toleration>& tolerations) {
    add(tolerations.size());
    for (const auto& t : tolerations)
      add(t.key)
          .add(t.value)
          .add(t.effect ? static_cast<std::uint64_t>(*t.effect) : 0)
          .add(t.seconds ? 1 : 0);
    return *this;
  }
  const std::string& value() const { return key_; }

 private:
  std::string key_;
};

/// The pod uses something of its node that the node's policy has to allow.
bool asks_policy(const Template& pod);
FactKey policy_key(const Template& pod);

}  // namespace cloudless::scheduler
