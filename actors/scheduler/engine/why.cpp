#include "actors/scheduler/engine/why.hpp"

#include <bit>

#include "actors/scheduler/engine/eligibility.hpp"

namespace cloudless::scheduler::engine {

namespace {

/// The nodes of one block that no filter has rejected yet.
class Sieve {
 public:
  explicit Sieve(std::uint64_t lanes) : left_(lanes) {}
  void reject(std::uint64_t lanes, std::uint32_t& count) {
    count += static_cast<std::uint32_t>(std::popcount(left_ & lanes));
    left_ &= ~lanes;
  }
  std::uint64_t left() const { return left_; }

 private:
  std::uint64_t left_;
};

class Histogram {
 public:
  Histogram(const ClassSpec& spec, const Cluster& cluster, const DomainCensus& census, const NodeSkew& skew,
            const Kernel& kernel)
      : spec_(spec), cluster_(cluster), skew_(skew), kernel_(kernel) {
    why_.fixed.assign(spec.fixed.size(), 0);
    domain_terms(spec, cluster, census, terms_);
  }

  void add_block(std::uint32_t b, ZoneIndex zone) {
    Sieve sieve(cluster_.present()[b]);
    why_.nodes += static_cast<std::uint32_t>(std::popcount(sieve.left()));
    sieve.reject(~cluster_.open()[b], why_.state);
    for (std::size_t i = 0; i < spec_.fixed.size(); ++i) {
      const std::uint64_t has = cluster_.attribute(spec_.fixed[i].attribute).word(b);
      sieve.reject(spec_.fixed[i].wanted ? ~has : has, why_.fixed[i]);
    }
    for (const GroupId port : spec_.ports) sieve.reject(cluster_.group(port).word(b), why_.host_port);
    reject_room(sieve, cluster_.blocks()[b]);
    reject_company(sieve, b, terms_[zone].verdict);
    for (const AttributeId failed : spec_.failed)
      sieve.reject(cluster_.attribute(failed).word(b), why_.failed);
    why_.fits += static_cast<std::uint32_t>(std::popcount(sieve.left()));
  }

  Why take() { return std::move(why_); }

 private:
  void reject_room(Sieve& sieve, const Block& block) {
    if (sieve.left() == 0) return;
    const Amounts& request = spec_.request;
    sieve.reject(~kernel_.at_least(block.cpu, request.cpu), why_.cpu);
    sieve.reject(~kernel_.at_least(block.memory, request.memory), why_.memory);
    if (request.storage > block.least_storage)
      sieve.reject(~kernel_.at_least(block.storage, request.storage), why_.storage);
    if (request.bandwidth > block.least_bandwidth)
      sieve.reject(~kernel_.at_least(block.bandwidth, request.bandwidth), why_.bandwidth);
    if (request.asks_gpu())
      sieve.reject(~kernel_.at_least(block.gpu, packed_gpu(request.gpus, request.gpu_share)), why_.gpu);
  }

  /// The verdict about the zone is the first of its own; a filter over nodes may come before it.
  void reject_company(Sieve& sieve, std::uint32_t b, DomainVerdict verdict) {
    if (verdict == DomainVerdict::affinity) sieve.reject(~0ULL, why_.affinity);
    for (const Affinity& affinity : spec_.affinity) {
      const Group& group = cluster_.group(affinity.group);
      if (affinity.topology == Topology::node && !waived(affinity, group))
        sieve.reject(~group.word(b), why_.affinity);
    }
    if (verdict == DomainVerdict::anti_affinity) sieve.reject(~0ULL, why_.anti_affinity);
    for (const AntiAffinity& anti : spec_.anti_affinity)
      if (anti.topology == Topology::node)
        sieve.reject(cluster_.group(anti.group).word(b), why_.anti_affinity);
    if (verdict == DomainVerdict::spread) sieve.reject(~0ULL, why_.spread);
    if (has_node_skew(spec_))
      sieve.reject(skewed_lanes(spec_, cluster_, skew_, b, sieve.left()), why_.spread);
  }

  const ClassSpec& spec_;
  const Cluster& cluster_;
  const NodeSkew& skew_;
  const Kernel& kernel_;
  std::vector<DomainTerm> terms_;
  Why why_;
};

}  // namespace

Why why_of(const ClassSpec& spec, const Cluster& cluster, const DomainCensus& census, const NodeSkew& skew,
           const Kernel& kernel) {
  Histogram histogram(spec, cluster, census, skew, kernel);
  for (const Segment& segment : cluster.layout().segments())
    for (std::uint32_t b = segment.first_block; b < segment.first_block + segment.blocks; ++b)
      histogram.add_block(b, segment.zone);
  return histogram.take();
}

}  // namespace cloudless::scheduler::engine
