#include "actors/scheduler/engine/domain_terms.hpp"

#include <algorithm>

namespace cloudless::scheduler::engine {

namespace {

constexpr std::int32_t kNeutral = 500;
constexpr std::int32_t kCrossRegion = 500;
constexpr std::int32_t kSpreadStep = 100'000;
constexpr std::int32_t kMostSteps = 10;

/// Those of a list that are about zones or regions.
template <class T>
bool any_over_domains(const std::vector<T>& terms) {
  return std::ranges::any_of(terms, [](const T& term) { return term.topology != Topology::node; });
}

std::uint32_t held(const Group& group, Topology topology, const Layout& layout, ZoneIndex zone) {
  return topology == Topology::region ? group.in_region(layout.region_of(zone)) : group.in_zone(zone);
}

/// The fewest replicas of a group in any domain that has a node for the class.
std::uint32_t least_in(const Group& group, Topology topology, const DomainCensus& census) {
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
  const std::vector<std::uint32_t>& domains = topology == Topology::region ? census.regions : census.zones;
  for (std::uint32_t d = 0; d < domains.size(); ++d)
    if (domains[d] > 0)
      least = std::min(least, topology == Topology::region ? group.in_region(d) : group.in_zone(d));
  return least;
}

/// Replicas of several groups together.
struct PeerCounts {
  const ClassSpec& spec;
  const Cluster& cluster;
  std::int64_t all() const {
    std::int64_t sum = 0;
    for (const GroupId id : spec.peers) sum += cluster.group(id).total();
    return sum;
  }
  std::int64_t in_zone(ZoneIndex zone) const {
    std::int64_t sum = 0;
    for (const GroupId id : spec.peers) sum += cluster.group(id).in_zone(zone);
    return sum;
  }
  std::int64_t in_region(RegionIndex region) const {
    std::int64_t sum = 0;
    for (const GroupId id : spec.peers) sum += cluster.group(id).in_region(region);
    return sum;
  }
};

std::int32_t locality(std::int32_t asked, std::int32_t peers) {
  return asked * 4 / 10 + peers * 3 / 10;
}

void add_scores(const ClassSpec& spec, const Cluster& cluster, std::vector<DomainTerm>& terms) {
  const Layout& layout = cluster.layout();
  const PeerCounts peers{spec, cluster};
  const std::int64_t all = peers.all();
  for (ZoneIndex zone = 0; zone < terms.size(); ++zone) {
    const std::int32_t asked = spec.asked.empty()         ? kNeutral
                               : zone < spec.asked.size() ? spec.asked[zone]
                                                          : 0;
    const auto near = all == 0 ? kNeutral : static_cast<std::int32_t>(1000 * peers.in_zone(zone) / all);
    const bool crosses = all > 0 && peers.in_region(layout.region_of(zone)) == 0;
    terms[zone] = DomainTerm{spec.weights.locality * locality(asked, near) -
                             (crosses ? spec.weights.network * kCrossRegion : 0)};
    for (const Preference& wish : spec.preferences)
      if (wish.topology != Topology::node && held(cluster.group(wish.group), wish.topology, layout, zone) > 0)
        terms[zone].points += wish.points;
  }
}

void add_soft_spread(const ClassSpec& spec, const Cluster& cluster, const DomainCensus& census,
                     std::vector<DomainTerm>& terms) {
  const Group& own = cluster.group(spec.spread.own);
  const std::uint32_t least = least_in(own, spec.spread.soft_over, census);
  for (ZoneIndex zone = 0; zone < terms.size(); ++zone) {
    const std::int64_t more = std::int64_t{held(own, spec.spread.soft_over, cluster.layout(), zone)} - least;
    terms[zone].points -=
        kSpreadStep * static_cast<std::int32_t>(std::clamp<std::int64_t>(more, 0, kMostSteps));
  }
}

void judge(const ClassSpec& spec, const Cluster& cluster, const DomainCensus& census,
           std::vector<DomainTerm>& terms) {
  const Layout& layout = cluster.layout();
  const auto reject = [&terms](ZoneIndex zone, DomainVerdict verdict) {
    if (terms[zone].verdict == DomainVerdict::fits) terms[zone].verdict = verdict;
  };
  for (const Affinity& affinity : spec.affinity) {
    const Group& group = cluster.group(affinity.group);
    if (affinity.topology == Topology::node || waived(affinity, group)) continue;
    for (ZoneIndex zone = 0; zone < terms.size(); ++zone)
      if (held(group, affinity.topology, layout, zone) == 0) reject(zone, DomainVerdict::affinity);
  }
  for (const AntiAffinity& anti : spec.anti_affinity) {
    if (anti.topology == Topology::node) continue;
    const Group& group = cluster.group(anti.group);
    for (ZoneIndex zone = 0; zone < terms.size(); ++zone)
      if (held(group, anti.topology, layout, zone) > 0) reject(zone, DomainVerdict::anti_affinity);
  }
  const Spread& spread = spec.spread;
  if (spread.max_skew <= 0 || spread.hard_over == Topology::node) return;
  const Group& own = cluster.group(spread.own);
  const std::int64_t least = least_in(own, spread.hard_over, census);
  for (ZoneIndex zone = 0; zone < terms.size(); ++zone)
    if (std::int64_t{held(own, spread.hard_over, layout, zone)} + 1 - least > spread.max_skew)
      reject(zone, DomainVerdict::spread);
}

}  // namespace

void DomainCensus::clear(const Layout& layout) {
  zones.assign(layout.zones(), 0);
  regions.assign(layout.regions(), 0);
}

void DomainCensus::add(const Layout& layout, ZoneIndex zone, std::int32_t nodes) {
  zones[zone] += static_cast<std::uint32_t>(nodes);
  regions[layout.region_of(zone)] += static_cast<std::uint32_t>(nodes);
}

bool needs_census(const ClassSpec& spec) {
  return spec.spread.soft || (spec.spread.max_skew > 0 && spec.spread.hard_over != Topology::node);
}

bool needs_domain_terms(const ClassSpec& spec) {
  return !spec.asked.empty() || !spec.peers.empty() || any_over_domains(spec.affinity) ||
         any_over_domains(spec.anti_affinity) || any_over_domains(spec.preferences) || needs_census(spec);
}

std::int32_t constant_term(const ClassSpec& spec) {
  return spec.weights.locality * locality(kNeutral, kNeutral);
}

void domain_terms(const ClassSpec& spec, const Cluster& cluster, const DomainCensus& census,
                  std::vector<DomainTerm>& terms) {
  terms.resize(cluster.layout().zones());
  add_scores(spec, cluster, terms);
  if (spec.spread.soft) add_soft_spread(spec, cluster, census, terms);
  judge(spec, cluster, census, terms);
}

}  // namespace cloudless::scheduler::engine
