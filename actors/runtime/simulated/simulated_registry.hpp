// A registry of images, simulated: tags that stand for digests, and that somebody keeps moving. Machines
// share one, so that two nodes which ask for the same tag get different answers.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>

namespace cloudless::runtime {

class SimulatedRegistry {
 public:
  /// A tag moves after this share of the questions for it, drawn from the seed.
  explicit SimulatedRegistry(std::uint64_t seed, std::uint32_t moves_ppm = 0)
      : random_(seed), moves_ppm_(moves_ppm) {}

  /// What the tag stands for now.
  std::string resolve(const std::string& image);
  /// It has had this image under that tag at some time; what it had once can be pulled by digest for ever.
  bool has(const std::string& image, const std::string& digest) const;
  /// Somebody pushes another image under the tag.
  void move(const std::string& image) { ++pushes_[image]; }

 private:
  std::mt19937_64 random_;
  std::uint32_t moves_ppm_;
  std::map<std::string, std::uint64_t> pushes_;  // by tag
};

}  // namespace cloudless::runtime
