#include "services/cloudlessctl/dial.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>

namespace cloudless::cli {

bool wait_for(int fd, short events, std::chrono::steady_clock::time_point until) {
  pollfd wanted{fd, events, 0};
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now())
            .count();
    if (left <= 0) return false;
    const int ready = poll(&wanted, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

runtime::Descriptor dial(const settings::Address& address, std::chrono::steady_clock::time_point until) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    runtime::Descriptor fd(
        socket(one->ai_family, one->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, one->ai_protocol));
    if (!fd.open()) continue;
    if (connect(fd.number(), one->ai_addr, one->ai_addrlen) == 0) return fd;
    int error = 0;
    socklen_t size = sizeof error;
    if (errno == EINPROGRESS && wait_for(fd.number(), POLLOUT, until) &&
        getsockopt(fd.number(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
      return fd;
  }
  return {};
}

}  // namespace cloudless::cli
