// Machines and services for tests of the network: another machine is a network namespace on a cable (veth) to
// this program's own; a service answers everyone with its name and the address it was asked from; clients ask
// from any namespace.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "messages/domain/workload.hpp"
#include "tests/support/containerd_fixture.hpp"

namespace cloudless::test {

/// A network namespace; alive as long as this.
class Place {
 public:
  /// This program's own.
  Place() : fd_(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {}
  /// That of a process.
  explicit Place(std::uint32_t pid)
      : fd_(open(("/proc/" + std::to_string(pid) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC)) {}
  static Place fresh() {
    Place out;
    std::thread([&out] {
      if (unshare(CLONE_NEWNET) != 0) return;
      close(out.fd_);
      out.fd_ = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    }).join();
    return out;
  }
  Place(Place&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Place& operator=(Place&&) = delete;
  ~Place() {
    if (fd_ >= 0) close(fd_);
  }
  /// In a thread that ends afterwards.
  template <class F>
  auto inside(F f) const {
    std::optional<decltype(f())> out;
    std::thread([&] {
      if (setns(fd_, CLONE_NEWNET) == 0) out = f();
    }).join();
    REQUIRE(out.has_value());
    return *out;
  }
  std::string path() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_); }
  CommandResult command(std::vector<std::string> words) const {
    words.insert(words.begin(), {"nsenter", "--net=" + path()});
    return run(words);
  }

 private:
  int fd_;
};

inline sockaddr_in ipv4_of(const std::string& address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &out.sin_addr);
  return out;
}

inline int open_socket_of(Protocol protocol) {
  const int fd = socket(AF_INET, (protocol == Protocol::udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
  const timeval patience{2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  return fd;
}

/// Answers "<name> <address of the asker>" in a namespace until it goes.
class Service {
 public:
  Service(const Place& place, Protocol protocol, std::uint16_t port, std::string name,
          const std::string& address = "0.0.0.0")
      : protocol_(protocol), name_(std::move(name)) {
    fd_ = place.inside([&] {
      const int fd = open_socket_of(protocol);
      const auto at = ipv4_of(address, port);
      if (bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 &&
          (protocol == Protocol::udp || listen(fd, 64) == 0))
        return fd;
      close(fd);
      return -1;
    });
    REQUIRE(fd_ >= 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~Service() {
    stop_ = true;
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

 private:
  void serve() {
    while (!stop_) {
      sockaddr_in from{};
      socklen_t size = sizeof from;
      char asked[64];
      const auto answer = [&] {
        char text[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &from.sin_addr, text, sizeof text);
        return name_ + " " + text;
      };
      if (protocol_ == Protocol::udp) {
        if (recvfrom(fd_, asked, sizeof asked, 0, reinterpret_cast<sockaddr*>(&from), &size) <= 0) continue;
        const auto said = answer();
        sendto(fd_, said.data(), said.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
      } else {
        const int peer = accept4(fd_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC);
        if (peer < 0) continue;
        const auto said = answer();
        (void)!write(peer, said.data(), said.size());
        close(peer);
      }
    }
  }

  const Protocol protocol_;
  const std::string name_;
  int fd_ = -1;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

/// What a client in a namespace is answered; "refused" or "silence" else. With `from` it asks from that port.
inline std::string ask(const Place& place, Protocol protocol, const std::string& address, std::uint16_t port,
                       std::uint16_t from = 0) {
  return place.inside([&]() -> std::string {
    const int fd = open_socket_of(protocol);
    if (from != 0) {
      const auto own = ipv4_of("0.0.0.0", from);
      if (bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
        close(fd);
        return "its own port is taken";
      }
    }
    const auto to = ipv4_of(address, port);
    char text[128];
    ssize_t got = -1;
    int error = connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
    if (error == 0 && protocol == Protocol::udp && send(fd, "?", 1, 0) < 0) error = errno;
    if (error == 0) {
      got = recv(fd, text, sizeof text, 0);
      if (got < 0) error = errno;
    }
    close(fd);
    if (got > 0) return std::string(text, static_cast<std::size_t>(got));
    return error == ECONNREFUSED ? "refused" : "silence";
  });
}

/// Beside this machine on a cable: this end has `here`, the other `there` (10.200.<number>.1 and .2).
class OtherMachine {
 public:
  explicit OtherMachine(int number)
      : here("10.200." + std::to_string(number) + ".1"),
        there("10.200." + std::to_string(number) + ".2"),
        place(Place::fresh()),
        cable_("cable" + std::to_string(number)) {
    REQUIRE(run({"ip", "link", "add", cable_, "type", "veth", "peer", "name", "eth0", "netns", place.path()})
                .exit_code == 0);
    run({"ip", "addr", "add", here + "/24", "dev", cable_});
    run({"ip", "link", "set", cable_, "up"});
    place.command({"ip", "link", "set", "lo", "up"});
    place.command({"ip", "addr", "add", there + "/24", "dev", "eth0"});
    REQUIRE(place.command({"ip", "link", "set", "eth0", "up"}).exit_code == 0);
  }
  ~OtherMachine() { run({"ip", "link", "del", cable_}); }

  const std::string here;
  const std::string there;
  const Place place;

 private:
  const std::string cable_;
};

}  // namespace cloudless::test
