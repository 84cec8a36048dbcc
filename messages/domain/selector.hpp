// Label selectors, as in lists and watches: "key=value,key2!=value,key3,!key4". Every term must hold; no term
// holds always.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless {

struct SelectorTerm {
  enum class Kind { equals, differs, exists, absent };
  Kind kind = Kind::exists;
  std::string key;
  std::string value;  ///< of equals and differs
  bool operator==(const SelectorTerm&) const = default;
};

struct Selector {
  std::vector<SelectorTerm> terms;

  /// A label that is not there differs from every value.
  bool matches(const Labels& labels) const;
  bool operator==(const Selector&) const = default;
};

/// At most 64 terms; spaces around terms, keys and values do not count, "==" is "=". INVALID_ARGUMENT with
/// one violation for "label_selector" that says which term is wrong.
Result<Selector> parse_selector(std::string_view text);

}  // namespace cloudless
