// Brings images into the agent's own containerd namespace and says what is in them. Pulling is containerd's
// CRI plugin's business; it pulls into the namespace k8s.io, from where the image is taken over: containerd
// keeps each blob once for all namespaces, so only records are written, and the layers are unpacked once
// more. Blocking; thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/image.hpp"
#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

struct ResolvedImage {
  Blob target;                  ///< what the name points at: an index or a manifest
  std::vector<Blob> manifests;  ///< the index, if there is one, then the manifest
  ImageManifest manifest;
  ImageConfig config;
  std::string chain;  ///< the snapshot that a container's root is made on; empty: no layers
};

class Images {
 public:
  Images(Client& client, const ContainerdOptions& options);

  /// As RuntimePort::prepare_image.
  Result<Nothing> prepare(const std::string& image, ImagePullPolicy policy);
  /// What the image is in the agent's namespace. NOT_FOUND if it was not prepared.
  Result<std::shared_ptr<const ResolvedImage>> resolve(const std::string& image);

 private:
  using Described = Result<std::shared_ptr<const ResolvedImage>>;
  Result<Blob> target_of(const std::string& name, const std::string& containerd_namespace);
  Described describe(const Blob& target, const std::string& containerd_namespace);
  Result<Nothing> take_over(const std::string& name, const Blob& target, const std::string& from);
  Result<Nothing> ensure_unpacked(const ResolvedImage& image);
  Result<Nothing> share(const Blob& blob, const std::string& from,
                        const std::map<std::string, std::string>& labels, const CallScope& scope);
  Result<Nothing> label(const std::string& digest, const std::map<std::string, std::string>& labels,
                        const CallScope& scope);
  Result<Nothing> unpack(const ResolvedImage& image, const CallScope& scope);
  Result<Nothing> unpack_layer(const Blob& layer, const std::string& parent, const std::string& chain,
                               const CallScope& scope);
  Result<Nothing> name_image(const std::string& name, const Blob& target);
  Result<Nothing> pull(const std::string& name);

  Client& client_;
  std::string snapshotter_;
  std::vector<std::string> sources_;
  Millis pull_timeout_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const ResolvedImage>> described_;  // by the target's digest
};

}  // namespace cloudless::runtime
