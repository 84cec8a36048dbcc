// A lease of containerd: keeps what is being put together or looked at from its garbage collector for as long
// as this lives, and for an hour at most should the agent crash. Blocking.
#pragma once

#include <string>

#include "actors/runtime/containerd/client.hpp"

namespace cloudless::runtime {

class Lease {
 public:
  /// The same key is the same lease, also after a crash.
  Lease(Client& client, const std::string& key);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  /// Why there is none.
  const Result<Nothing>& held() const { return held_; }
  /// For calls whose objects the lease shall keep.
  CallScope scope(const char* what, Millis timeout = 600000) const;

 private:
  Client& client_;
  std::string id_;
  Result<Nothing> held_ = Nothing{};
};

}  // namespace cloudless::runtime
