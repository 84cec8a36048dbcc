// The engine's vocabulary: what a class of equal replicas asks for, in numbers. The layer above translates
// workloads and labels into it; the engine knows nothing of either. Replicas with equal specs are
// interchangeable: they share one index of scores.
#pragma once

#include <cstdint>
#include <vector>

namespace cloudless::scheduler::engine {

using NodeIndex = std::uint32_t;    ///< dense, in the order of ordinals: of equal scores the lowest wins
using ZoneIndex = std::uint32_t;    ///< dense; a zone lies in one region
using RegionIndex = std::uint32_t;  ///< dense
using AttributeId = std::uint32_t;
using GroupId = std::uint32_t;
using ClassId = std::uint32_t;

inline constexpr NodeIndex kNoNode = 0xFFFF'FFFF;
inline constexpr GroupId kNoGroup = 0xFFFF'FFFF;

/// Millicores, MiB, MiB, kbit/s, whole GPUs (0-32), thousandths of one GPU (1-999, then no whole ones).
/// Each below 2^30.
struct Amounts {
  std::int32_t cpu = 0, memory = 0, storage = 0, bandwidth = 0, gpus = 0, gpu_share = 0;
  bool asks_gpu() const { return gpus > 0 || gpu_share > 0; }
  bool operator==(const Amounts&) const = default;
};

enum class Topology : std::uint8_t { node, zone, region };

/// The attribute has to be set (wanted) or must not be.
struct Condition {
  AttributeId attribute;
  bool wanted;
  bool operator==(const Condition&) const = default;
};

/// Points for nodes with the attribute: already multiplied, negative to keep away.
struct Wish {
  AttributeId attribute;
  std::int32_t points;
  bool operator==(const Wish&) const = default;
};

/// The domain has to hold a replica of the group. If the whole cluster holds none, the first replica of a
/// class that matches itself may go anywhere.
struct Affinity {
  GroupId group;
  Topology topology;
  bool matches_itself;
  bool operator==(const Affinity&) const = default;
};

/// The domain must hold no replica of the group.
struct AntiAffinity {
  GroupId group;
  Topology topology;
  bool operator==(const AntiAffinity&) const = default;
};

/// Points if the domain holds a replica of the group: already multiplied.
struct Preference {
  GroupId group;
  Topology topology;
  std::int32_t points;
  bool operator==(const Preference&) const = default;
};

/// Thousandths, 0-1000 each.
struct Weights {
  std::int32_t locality = 300, reliability = 250, cost = 150, utilization = 200, network = 100;
  bool operator==(const Weights&) const = default;
};

/// How replicas of the class's own group are spread.
struct Spread {
  GroupId own = kNoGroup;   ///< none: not spread
  bool over_nodes = false;  ///< softly: -100000 for each on the node, up to 10
  bool soft = false;  ///< softly over `soft_over`: -100000 for each more than where fewest are, up to 10
  Topology soft_over = Topology::zone;  ///< zone or region
  std::int32_t max_skew = 0;            ///< above 0: never more than this above where fewest are
  Topology hard_over = Topology::zone;
  bool operator==(const Spread&) const = default;
};

/// Filters stand in the order in which they are asked. All attributes and groups must exist.
struct ClassSpec {
  Amounts request;
  std::vector<Condition> fixed;    ///< what a node is: decides also which domains count for spreading
  std::vector<GroupId> ports;      ///< no replica of these on the node (they hold a port that is wanted)
  std::vector<Affinity> affinity;  ///< required
  std::vector<AntiAffinity> anti_affinity;  ///< required, the class's own and those of others that select it
  Spread spread;
  std::vector<AttributeId> failed;  ///< set: failed here not long ago, asked last
  Weights weights;
  bool spreading = false;           ///< U prefers empty nodes instead of full ones
  std::vector<std::int32_t> asked;  ///< per zone 0-1000, 0 beyond the end; empty: 500 everywhere
  std::vector<AttributeId> image;   ///< at most one: set where the image is
  std::vector<GroupId> peers;       ///< disjoint groups whose replicas this one wants to be near
  std::vector<Wish> wishes;
  std::vector<Preference> preferences;
  std::vector<GroupId> joins;  ///< groups a placed replica belongs to, each once
  bool operator==(const ClassSpec&) const = default;
};

/// The same for equal specs on every machine.
std::uint64_t hash_of(const ClassSpec& spec);

}  // namespace cloudless::scheduler::engine
