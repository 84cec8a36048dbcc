// The only source of chance in a run: everything random comes from one seed, in one order, so that a run
// replays.
#pragma once

#include <cstdint>
#include <random>

namespace cloudless::sim {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed * 0x9e3779b97f4a7c15u + 1) {}
  /// From 0 to n - 1; 0 if n is 0.
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : engine_() % n; }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1)));
  }
  /// True once in n.
  bool once_in(std::uint64_t n) { return below(n) == 0; }
  bool chance_ppm(std::uint64_t ppm) { return below(1'000'000) < ppm; }
  template <class Container>
  const auto& pick(const Container& from) {
    return from[below(from.size())];
  }
  std::uint64_t raw() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace cloudless::sim
