#include "actors/runtime/containerd/image_garbage.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace cloudless::runtime {
namespace {

struct Candidate {
  ImageToRemove image;
  WallMillis last_used = 0;
  bool stays = false;
};

}  // namespace

std::vector<ImageToRemove> removable_images(const std::vector<StoredImage>& images,
                                            const GarbageRules& rules) {
  std::map<std::string, Candidate> by_digest;
  for (const auto& one : images) {
    auto& candidate = by_digest[one.digest];
    candidate.image.digest = one.digest;
    candidate.image.names.push_back(one.name);
    candidate.image.pulled = candidate.image.pulled || one.origin == StoredImage::Origin::pulled;
    candidate.last_used = std::max(candidate.last_used, one.last_used);
    candidate.stays = candidate.stays || one.origin == StoredImage::Origin::foreign ||
                      rules.digests_in_use.contains(one.digest) || rules.names_in_use.contains(one.name);
  }
  std::vector<Candidate> going;
  for (auto& [digest, candidate] : by_digest)
    // A last use in the future is a clock that was set back: it counts as long ago.
    if (!candidate.stays &&
        (candidate.last_used > rules.now || candidate.last_used <= rules.now - rules.min_age))
      going.push_back(std::move(candidate));
  std::stable_sort(going.begin(), going.end(),
                   [](const Candidate& a, const Candidate& b) { return a.last_used < b.last_used; });
  std::vector<ImageToRemove> out;
  out.reserve(going.size());
  for (auto& candidate : going) out.push_back(std::move(candidate.image));
  return out;
}

}  // namespace cloudless::runtime
