// Ports of the node that replicas are published on: which are taken by whom, and which one a replica gets. A
// taken port is bound (never listened on) by the agent as long as it is published, so that no other program
// of the node can take it unnoticed, nor the agent one that a program has. Thread-safe. What a container has
// is in its label, so that a restarted agent takes the same again.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/runtime/containerd/subnet.hpp"
#include "actors/runtime/runtime_port.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::runtime {

/// Ports that are chosen from, both ends included.
struct PortRange {
  std::uint16_t first = 30000;
  std::uint16_t last = 32767;
  bool operator==(const PortRange&) const = default;
};

/// "30000-32767"; INVALID_ARGUMENT when it is none.
Result<PortRange> parse_port_range(std::string_view text);

/// "30001/udp"
std::string port_text(Protocol protocol, std::uint16_t port);

/// As a container's label: "http:tcp:80:30001,dns:udp:53:30002", at most 64 ports of at most 32 bytes each.
std::string to_label(const std::vector<PublishedPort>& ports);
/// The inverse; parts that are none are left out.
std::vector<PublishedPort> parse_port_label(std::string_view label);

/// A socket of ours, or none.
class Bound {
 public:
  Bound() = default;
  explicit Bound(int fd) : fd_(fd) {}
  Bound(Bound&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Bound& operator=(Bound&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Bound();

 private:
  int fd_ = -1;
};

class HostPorts {
 public:
  /// `addresses`: of the node, that ports are bound on; empty: all.
  HostPorts(PortRange range, std::vector<Ipv4> addresses);

  /// Ports for all of `wanted` that are to be published; all or none. Port 0 becomes one of the range, the
  /// same for the same `key` (replica) while it is free. FAILED_PRECONDITION when another container or
  /// program has a port, RESOURCE_EXHAUSTED when the range is used up.
  Result<std::vector<PublishedPort>> take(const ContainerId& container, const std::string& key,
                                          const std::vector<Port>& wanted);
  /// For a container in the node's network namespace: its ports are those of the node. They are free of other
  /// programs now, and no other container of ours gets them; the container binds them itself.
  Result<std::vector<PublishedPort>> take_of_node(const ContainerId& container,
                                                  const std::vector<Port>& wanted);
  /// What a container already has, after a restart of the agent. Ports that another program bound meanwhile
  /// stay published; their text is returned, for the log.
  std::vector<std::string> adopt(const ContainerId& container, const std::vector<PublishedPort>& ports,
                                 bool of_node);
  void release(const ContainerId& container);

 private:
  struct Taken {
    ContainerId owner;
    std::vector<Bound> sockets;
  };
  using Key = std::pair<Protocol, std::uint16_t>;

  /// Error text when the port cannot be had.
  std::optional<Error> take_one(const ContainerId& container, Key port, bool keep);
  Result<std::uint16_t> choose(const ContainerId& container, const std::string& key, const Port& port);
  void release_locked(const ContainerId& container);

  const PortRange range_;
  const std::vector<Ipv4> addresses_;
  std::mutex mutex_;
  std::map<Key, Taken> taken_;
};

}  // namespace cloudless::runtime
