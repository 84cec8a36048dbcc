// Where the replicas of a workload may run and where they should: rules over nodes, over other workloads and
// over their own spread, and what weighs how much. Every value here is valid: parsing happens in
// messages/codec/check_placement. What each rule means exactly: docs/SCHEDULING.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cloudless {

using Labels = std::map<std::string, std::string>;

/// The values are stored: never renumber.
enum class TaintEffect : std::uint8_t { no_schedule = 1, prefer_no_schedule = 2, no_execute = 3 };

/// Keeps replicas away from a node that do not tolerate it.
struct Taint {
  std::string key;
  std::string value;
  TaintEffect effect = TaintEffect::no_schedule;
  bool operator==(const Taint&) const = default;
};

struct Toleration {
  std::string key;                    ///< empty: every taint
  std::string value;                  ///< empty: every value
  std::optional<TaintEffect> effect;  ///< absent: any
  /// How long a NO_EXECUTE taint is put up with; absent: for ever.
  std::optional<std::uint64_t> seconds;
  bool operator==(const Toleration&) const = default;
};

/// A part of the cluster in which things count as together. The values are stored: never renumber.
enum class Topology : std::uint8_t { node = 1, zone = 2, region = 3 };
const char* to_string(Topology topology);

/// The values are stored: never renumber.
enum class LabelOperator : std::uint8_t {
  in = 1,
  not_in = 2,
  exists = 3,
  does_not_exist = 4,
  greater = 5,  ///< the label is an integer above the one value
  less = 6,     ///< the label is an integer below the one value
};

struct LabelExpression {
  std::string key;
  LabelOperator op = LabelOperator::in;
  std::vector<std::string> values;  ///< in, not_in: 1-64; greater, less: one integer; others: none
  /// A label that is not there is in no list, and neither above nor below anything.
  bool matches(const Labels& labels) const;
  bool operator==(const LabelExpression&) const = default;
};

/// Towards nodes (node_expressions, all of them) or towards workloads of the same namespace
/// (workload_selector, all of them); exactly one of the two is not empty.
struct AffinityTerm {
  Topology topology = Topology::node;
  bool required = false;
  Labels workload_selector;
  std::vector<LabelExpression> node_expressions;
  std::uint32_t weight = 1;  ///< of a wish, 1-100
  bool operator==(const AffinityTerm&) const = default;
};

/// Over what the workload's own replicas are spread. The values are stored: never renumber.
enum class Spread : std::uint8_t { node = 1, zone = 2, region = 3, none = 4 };

struct Placement {
  std::vector<std::string> regions;        ///< only these, the first one rather; empty: any
  std::vector<std::string> zones;          ///< only these, the first one rather; empty: any
  std::vector<std::string> architectures;  ///< only these, as in OCI images; empty: any
  Labels node_selector;
  std::vector<AffinityTerm> affinity;
  std::vector<AffinityTerm> anti_affinity;  ///< towards workloads only
  std::vector<Toleration> tolerations;
  Spread spread = Spread::node;
  std::optional<std::uint32_t> max_skew;  ///< given: a rule, 1-1000; spread is then not none
  bool operator==(const Placement&) const = default;
};

/// Whether replicas fill nodes up or keep them evenly loaded. The values are stored: never renumber.
enum class Utilization : std::uint8_t { pack = 1, balance = 2 };

/// What weighs how much when a node is chosen: thousandths, 0-1000. Absent: the defaults below.
struct Scoring {
  std::optional<std::uint32_t> locality;
  std::optional<std::uint32_t> reliability;
  std::optional<std::uint32_t> cost;
  std::optional<std::uint32_t> utilization;
  std::optional<std::uint32_t> network;
  std::optional<Utilization> mode;
  bool operator==(const Scoring&) const = default;
};

/// Weights where the workload does not say otherwise.
inline constexpr std::uint32_t kLocalityWeight = 300;
inline constexpr std::uint32_t kReliabilityWeight = 250;
inline constexpr std::uint32_t kCostWeight = 150;
inline constexpr std::uint32_t kUtilizationWeight = 200;
inline constexpr std::uint32_t kNetworkWeight = 100;

/// The taint is put up with by one of these, for a while at least.
bool tolerates(const std::vector<Toleration>& tolerations, const Taint& taint);
/// Every key of the selector has this value in `labels`.
bool selects(const Labels& selector, const Labels& labels);

}  // namespace cloudless
