// Fetches an image's /etc/passwd and /etc/group from its layers, once per image. Used by containers.cpp when
// a user must be looked up by name. Blocking; thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/images.hpp"
#include "actors/runtime/containerd/process_user.hpp"

namespace cloudless::runtime {

class AccountReader {
 public:
  AccountReader(Client& client, const ContainerdOptions& options);

  /// The image must be unpacked. FAILED_PRECONDITION when its files are not what they should be.
  Result<ImageAccounts> of(const ResolvedImage& image);

 private:
  Result<ImageAccounts> read(const std::string& chain);

  Client& client_;
  const std::string snapshotter_;
  const std::string folder_;  ///< exists; covered while reading
  std::mutex mutex_;
  std::map<std::string, ImageAccounts> known_;  // by the chain of layers, which never changes
};

}  // namespace cloudless::runtime
