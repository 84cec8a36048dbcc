// What is the same for all nodes of a zone: where it was asked to be, peers, affinities and spreading over
// zones and regions. Worked out anew for each decision, as every placement may change it; a few additions per
// zone.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "actors/scheduler/engine/cluster.hpp"

namespace cloudless::scheduler::engine {

/// Which filter keeps a whole zone away.
enum class DomainVerdict : std::uint8_t { fits, affinity, anti_affinity, spread };

struct DomainTerm {
  std::int32_t points = 0;
  DomainVerdict verdict = DomainVerdict::fits;
};

/// How many nodes of each domain pass what a node is (ClassSpec::fixed): which domains count for spreading.
struct DomainCensus {
  std::vector<std::uint32_t> zones, regions;

  void clear(const Layout& layout);
  void add(const Layout& layout, ZoneIndex zone, std::int32_t nodes);
};

/// True if terms differ between zones or change with groups; if not, constant_term is all there is.
bool needs_domain_terms(const ClassSpec& spec);
bool needs_census(const ClassSpec& spec);
std::int32_t constant_term(const ClassSpec& spec);

/// One term per zone. The census is only read if the class needs one.
void domain_terms(const ClassSpec& spec, const Cluster& cluster, const DomainCensus& census,
                  std::vector<DomainTerm>& terms);

/// The verdict of required terms over nodes is not here but in the class index; this is whether an affinity
/// holds everywhere because nobody is there yet.
inline bool waived(const Affinity& affinity, const Group& group) {
  return affinity.matches_itself && group.total() == 0;
}

}  // namespace cloudless::scheduler::engine
