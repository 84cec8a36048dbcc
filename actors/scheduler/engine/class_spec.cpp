#include "actors/scheduler/engine/class_spec.hpp"

namespace cloudless::scheduler::engine {

namespace {

/// Multiply and fold (as wyhash mixes): every field is one step.
class SpecHash {
 public:
  void add(std::uint64_t value) {
    const auto wide = static_cast<unsigned __int128>(state_ ^ value) * 0x9E37'79B9'7F4A'7C15ULL;
    state_ =
        static_cast<std::uint64_t>(wide) ^ static_cast<std::uint64_t>(wide >> 64) ^ 0xA076'1D64'78BD'642FULL;
  }
  void add(std::int32_t high, std::int32_t low) {
    add((static_cast<std::uint64_t>(static_cast<std::uint32_t>(high)) << 32) |
        static_cast<std::uint32_t>(low));
  }
  void add(std::uint32_t id, std::uint32_t more) { add((static_cast<std::uint64_t>(id) << 32) | more); }
  template <class T, class Each>
  void list(const std::vector<T>& values, Each each) {
    add(values.size());
    for (const T& value : values) each(value);
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0x2D35'8DCC'AA6C'78A5ULL;
};

std::uint32_t code(Topology topology) {
  return static_cast<std::uint32_t>(topology);
}

}  // namespace

std::uint64_t hash_of(const ClassSpec& spec) {
  SpecHash h;
  h.add(spec.request.cpu, spec.request.memory);
  h.add(spec.request.storage, spec.request.bandwidth);
  h.add(spec.request.gpus, spec.request.gpu_share);
  h.list(spec.fixed, [&](const Condition& c) { h.add(c.attribute, c.wanted ? 1U : 0U); });
  h.list(spec.ports, [&](GroupId g) { h.add(g); });
  h.list(spec.affinity,
         [&](const Affinity& a) { h.add(a.group, code(a.topology) * 2 + (a.matches_itself ? 1 : 0)); });
  h.list(spec.anti_affinity, [&](const AntiAffinity& a) { h.add(a.group, code(a.topology)); });
  h.add(spec.spread.own, static_cast<std::uint32_t>(spec.spread.max_skew));
  h.add((spec.spread.over_nodes ? 1U : 0U) + (spec.spread.soft ? 2U : 0U),
        code(spec.spread.soft_over) * 3 + code(spec.spread.hard_over));
  h.list(spec.failed, [&](AttributeId a) { h.add(a); });
  h.add(spec.weights.locality, spec.weights.reliability);
  h.add(spec.weights.cost, spec.weights.utilization);
  h.add(spec.weights.network, spec.spreading ? 1 : 0);
  h.list(spec.asked, [&](std::int32_t term) { h.add(static_cast<std::uint64_t>(term)); });
  h.list(spec.image, [&](AttributeId a) { h.add(a); });
  h.list(spec.peers, [&](GroupId g) { h.add(g); });
  h.list(spec.wishes, [&](const Wish& w) { h.add(static_cast<std::int32_t>(w.attribute), w.points); });
  h.list(spec.preferences, [&](const Preference& p) {
    h.add(p.group, code(p.topology));
    h.add(static_cast<std::uint64_t>(p.points));
  });
  h.list(spec.joins, [&](GroupId g) { h.add(g); });
  return h.value();
}

}  // namespace cloudless::scheduler::engine
