// Brings images into the agent's own containerd namespace: finds them there, takes them over from another
// namespace, or pulls them, as the policy says and with exactly the bytes that the version is pinned to.
// Takes the ones away that nobody uses when the disk fills. Blocking; thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "actors/runtime/containerd/image_library.hpp"
#include "actors/runtime/containerd/image_puller.hpp"
#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

class Images {
 public:
  Images(Client& client, const ContainerdOptions& options);

  /// As RuntimePort::prepare_image, if that needs no pull; absent: pull() has to bring it.
  Result<std::optional<PreparedImage>> find(const ImageRequest& request);
  Result<PreparedImage> pull(const ImageRequest& request, const ImageNews& news);
  /// What the image is in the agent's namespace; `digest` empty: what its tag stands for here. NOT_FOUND if
  /// it was not prepared.
  Result<std::shared_ptr<const ResolvedImage>> resolve(const std::string& image, const std::string& digest);
  /// How often images were found or brought so far.
  std::uint64_t uses();
  /// Removes images while the disk is fuller than it should be, and notes which are in use. `keep`: what
  /// replicas of this node use or will ask for; `running`: digests that containers are made of; `since`:
  /// uses() when `keep` was true.
  Result<Nothing> collect(const std::vector<ImageRequest>& keep, const std::vector<std::string>& running,
                          std::uint64_t since);

 private:
  /// The names that an image is asked for by.
  struct Wanted {
    std::string name;    ///< as the spec says, whole
    std::string digest;  ///< empty: whatever the tag stands for
    std::string exact;   ///< the name by digest; empty without one
    std::string pulled_as() const { return exact.empty() ? name : exact; }
    std::vector<std::string> names() const {
      return exact.empty() || exact == name ? std::vector{name} : std::vector{exact, name};
    }
  };

  static Result<Wanted> wanted(const ImageRequest& request);
  Result<std::optional<PreparedImage>> find_own(const Wanted& image);
  Result<Nothing> ensure_named(const std::string& name, const Blob& target);
  std::optional<PreparedImage> find_elsewhere(const Wanted& image);
  Error not_here(const Wanted& image, const ImageRequest& request);
  std::string other_digest_here(const Wanted& image);
  /// Somebody has noted on its name by digest that it is in use: it has that name.
  bool noted_lately(const std::string& digest);
  PreparedImage used(const Wanted& image, const std::string& digest);
  GarbageRules rules_of(const std::vector<ImageRequest>& keep, const std::vector<std::string>& running) const;
  void note_uses(const std::vector<StoredImage>& images, const GarbageRules& rules);
  Result<bool> remove(const ImageToRemove& image, std::uint64_t since);

  ImageLibrary library_;
  ImagePuller puller_;
  const std::vector<std::string> sources_;
  const ImageLimits limits_;
  /// Shared by whoever finds or brings an image; alone: whoever takes one away.
  std::shared_mutex shelf_;
  struct Use {
    std::uint64_t number = 0;
    WallMillis noted_at = 0;
  };
  std::mutex mutex_;
  std::uint64_t last_use_ = 0;
  std::map<std::string, Use> uses_;  // by digest, of this process
};

}  // namespace cloudless::runtime
