// YAML and JSON from people, as a plain tree with the place of every word. Bounded: size, depth and aliases
// of a hostile text cost no more than a big honest one. Knows nothing of workloads.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace cloudless::cli {

/// Line and column from 1; 0: not known.
struct Position {
  int line = 0;
  int column = 0;
  bool operator==(const Position&) const = default;
};

struct YamlMember;

struct YamlValue {
  enum class Kind { null, scalar, sequence, mapping };
  Kind kind = Kind::null;
  Position at;
  std::string scalar;
  bool quoted = false;  ///< a scalar that is text whatever it looks like
  std::vector<YamlValue> items;
  std::vector<YamlMember> members;  ///< in order; keys are unique
};

struct YamlMember {
  std::string key;
  Position at;  ///< of the key
  YamlValue value;
};

/// What is wrong with a text, and where.
struct Problem {
  Position at;
  std::string field;  ///< path, "spec.env[2].name"; empty: the text as a whole
  std::string reason;
  bool operator==(const Problem&) const = default;
};

/// "file:line:column: field: reason".
std::string to_text(const std::string& file, const Problem& problem);

/// The documents of a text, at most 100; at most 2 MiB, 64 levels, and 100000 values with aliases counted as
/// often as they are used.
tl::expected<std::vector<YamlValue>, Problem> read_yaml(std::string_view text);

}  // namespace cloudless::cli
