#include "actors/runtime/containerd/network_namespace.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace cloudless::runtime {
namespace {

tl::unexpected<Error> namespace_failed(const char* what) {
  return fail(Errc::internal,
              std::string("network: ") + what + " a namespace for the replica: " + std::strerror(errno));
}

}  // namespace

NetworkNamespace::NetworkNamespace(Furnish furnish) : fd_(open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0) {
    result_ = namespace_failed("name");
    return;
  }
  thread_ = std::thread([this, work = std::move(furnish)] { result_ = work([this] { return enter(); }); });
}

NetworkNamespace::~NetworkNamespace() {
  if (thread_.joinable()) thread_.join();
  if (fd_ >= 0) close(fd_);
}

std::string NetworkNamespace::path() const {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_);
}

Result<Nothing> NetworkNamespace::finish() {
  if (thread_.joinable()) thread_.join();
  return result_;
}

Result<int> NetworkNamespace::enter() const {
  if (unshare(CLONE_NEWNET) != 0) return namespace_failed("make");
  const int made = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (made < 0) return namespace_failed("open");
  // The number is known already: it is in the container's spec.
  const bool moved = dup3(made, fd_, O_CLOEXEC) == fd_;
  close(made);
  if (!moved) return namespace_failed("keep");
  return fd_;
}

}  // namespace cloudless::runtime
