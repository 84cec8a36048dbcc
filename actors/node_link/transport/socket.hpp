// The few things that listener and dialer do with sockets: own them, find addresses, hand them to CAF.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "messages/domain/error.hpp"

namespace cloudless::node_link {

/// Owns a file descriptor.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
  bool is_loopback = false;  ///< of this machine alone
};

/// Where `host` is, most preferred first; never empty. NOT_FOUND: no such host. `what` names the setting for
/// the message. Blocks while resolving.
Result<std::vector<Endpoint>> endpoints_of(const std::string& what, const std::string& host,
                                           std::uint16_t port);

/// The BASP broker of a system with CAF's network.
caf::actor basp_broker(caf::actor_system& system);

/// Gives a connected socket to CAF's event loop.
caf::io::scribe_ptr to_caf_socket(caf::actor_system& system, Socket socket);

}  // namespace cloudless::node_link
