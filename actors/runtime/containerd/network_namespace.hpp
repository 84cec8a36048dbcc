// A network namespace that the agent makes itself, beside what else a start needs, for a container that joins
// it. Only the descriptor held here keeps it: once the container has joined, or nobody will, letting go of it
// is all that is to be done, and a killed agent leaves nothing. Used by replica_network.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "messages/domain/error.hpp"

namespace cloudless::runtime {

class NetworkNamespace {
 public:
  using Furnish = std::function<Result<Nothing>(const std::function<Result<int>()>& enter)>;

  /// Begins at once, on a thread of its own. `furnish` runs outside until it calls `enter`, which makes the
  /// namespace, moves the thread into it and returns its descriptor.
  explicit NetworkNamespace(Furnish furnish);
  ~NetworkNamespace();
  NetworkNamespace(const NetworkNamespace&) = delete;
  NetworkNamespace& operator=(const NetworkNamespace&) = delete;

  /// Where others find it, from the first moment on; it leads there only when `finish` has succeeded.
  std::string path() const;
  /// Waits until it is furnished; what came of that.
  Result<Nothing> finish();

 private:
  Result<int> enter() const;

  int fd_ = -1;  ///< of nothing, then of the namespace
  Result<Nothing> result_ = Nothing{};
  std::thread thread_;
};

}  // namespace cloudless::runtime
