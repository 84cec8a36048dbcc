#include "actors/runtime/simulated/simulated_registry.hpp"

#include <string_view>

namespace cloudless::runtime {
namespace {

/// Sixty-four hexadecimal digits out of a tag and the number of its push.
std::string digest_of_push(std::string_view image, std::uint64_t push) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::uint64_t hash = 1469598103934665603u + push;
  for (const char c : image) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  std::mt19937_64 digits{hash};
  std::string out = "sha256:";
  while (out.size() < 71) out += kDigits[digits() % 16];
  return out;
}

}  // namespace

std::string SimulatedRegistry::resolve(const std::string& image) {
  const std::string digest = digest_of_push(image, pushes_[image]);
  if (random_() % 1'000'000 < moves_ppm_) move(image);
  return digest;
}

bool SimulatedRegistry::has(const std::string& image, const std::string& digest) const {
  // Every tag was pushed once before anybody asked.
  const auto known = pushes_.find(image);
  const std::uint64_t last = known == pushes_.end() ? 0 : known->second;
  for (std::uint64_t push = 0; push <= last; ++push)
    if (digest_of_push(image, push) == digest) return true;
  return false;
}

}  // namespace cloudless::runtime
