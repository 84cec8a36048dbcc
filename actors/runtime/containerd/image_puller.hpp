// Pulls images through containerd's CRI plugin, which knows registries, mirrors (hosts.toml) and proxies;
// they end in the namespace k8s.io. Says how far it is, gives up a pull through which no byte comes, and
// answers a burst of requests after a failure without asking the registry for each. Blocking; thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/image_library.hpp"
#include "actors/runtime/containerd/pull_news.hpp"

namespace cloudless::runtime {

inline constexpr char kCriNamespace[] = "k8s.io";

class ImagePuller {
 public:
  ImagePuller(Client& client, ImageLibrary& library, const ContainerdOptions& options);

  /// `name`: whole, by tag or by digest. In k8s.io afterwards. Each of the credentials is tried until one
  /// opens the registry. PERMISSION_DENIED names pull secrets that are of no use.
  Result<Nothing> pull(const std::string& name, const PullAccess& access, const ImageNews& news);
  /// Takes it from k8s.io.
  Result<Nothing> remove(const std::string& name);
  /// Where pulled images lie.
  Result<std::string> folder();

 private:
  class Watch;
  Result<Nothing> try_pull(const std::string& name, const RegistryCredentials* credentials, Watch& watch);

  Client& client_;
  ImageLibrary& library_;
  const Millis timeout_;
  const Millis stall_;
  std::mutex mutex_;
  std::map<std::string, PullPause> pauses_;  // by name and credentials
};

}  // namespace cloudless::runtime
