// The images in the agent's own containerd namespace: what their names stand for, what is in them, and how an
// image of another namespace is taken over. containerd keeps each blob once for all namespaces, so taking
// over writes records only, and the layers are unpacked once more. Blocking; thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/image.hpp"
#include "actors/runtime/containerd/image_garbage.hpp"
#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

struct ResolvedImage {
  Blob target;                  ///< what the name points at: an index or a manifest
  std::vector<Blob> manifests;  ///< the index, if there is one, then the manifest
  ImageManifest manifest;
  ImageConfig config;
  std::string chain;  ///< the snapshot that a container's root is made on; empty: no layers
};

/// Where an image of ours came from; decides whether it may be taken away again.
enum class ImageOrigin : std::uint8_t {
  pulled,      ///< by this agent
  taken_over,  ///< from another namespace
};

class ImageLibrary {
 public:
  using Described = Result<std::shared_ptr<const ResolvedImage>>;

  ImageLibrary(Client& client, const ContainerdOptions& options);

  /// NOT_FOUND if there is no such name.
  Result<Blob> target_of(const std::string& name, const std::string& containerd_namespace);
  Result<Blob> target_of(const std::string& name) { return target_of(name, client_.own_namespace()); }
  /// What is in it; its manifest and config must be there.
  Described describe(const Blob& target, const std::string& containerd_namespace);
  Described describe(const Blob& target) { return describe(target, client_.own_namespace()); }
  /// The same for what was described by this process before; null: nothing was.
  std::shared_ptr<const ResolvedImage> known(const std::string& digest);
  /// Of a manifest, or of this machine's in an index, while the image may still be on its way.
  Result<std::vector<Blob>> layers_of(const std::string& digest, const std::string& containerd_namespace);
  /// Its name here (and its name by digest), unpacked.
  Result<Nothing> take_over(const std::string& name, const Blob& target, const std::string& from,
                            ImageOrigin origin);
  Result<Nothing> ensure_unpacked(const ResolvedImage& image);
  Result<Nothing> name_image(const std::string& name, const Blob& target);
  /// Notes on its name that the image was used now; known to the next agent process, too.
  void touch(const std::string& name, WallMillis now);

  /// Every name of this namespace with what the garbage collection needs to know.
  Result<std::vector<StoredImage>> list();
  /// Takes names away; containerd frees the bytes before this returns.
  Result<Nothing> forget(const std::vector<std::string>& names);

 private:
  Result<Nothing> share(const Blob& blob, const std::string& from,
                        const std::map<std::string, std::string>& labels, const CallScope& scope);
  Result<Nothing> label(const std::string& digest, const std::map<std::string, std::string>& labels,
                        const CallScope& scope);
  Result<Nothing> unpack(const ResolvedImage& image, const CallScope& scope);
  Result<Nothing> unpack_layer(const Blob& layer, const std::string& parent, const std::string& chain,
                               const CallScope& scope);
  Result<Nothing> write_name(const std::string& name, const Blob& target,
                             const std::map<std::string, std::string>& labels);

  Client& client_;
  std::string snapshotter_;
  std::mutex unpacking_;  // two that unpack one layer would take it from under each other
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const ResolvedImage>> described_;  // by the target's digest
};

}  // namespace cloudless::runtime
