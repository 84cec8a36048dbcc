#include "actors/runtime/containerd/host_ports.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <sstream>

namespace cloudless::runtime {
namespace {

std::optional<std::uint16_t> number_of(std::string_view text) {
  std::uint16_t out = 0;
  const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc{} || stop != text.data() + text.size() || out == 0) return std::nullopt;
  return out;
}

std::vector<std::string> parts_of(std::string_view text, char separator) {
  std::vector<std::string> out;
  std::istringstream in{std::string(text)};
  for (std::string part; std::getline(in, part, separator);) out.push_back(std::move(part));
  return out;
}

/// A socket bound to the port; -errno on failure.
int bound_socket(Protocol protocol, std::uint16_t port, Ipv4 address, bool reuse) {
  const int type = (protocol == Protocol::udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
  const int fd = socket(AF_INET, type, 0);
  if (fd < 0) return -errno;
  const int smallest = 0;  // the kernel rounds up: what arrives here is not read
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof smallest);
  const int yes = reuse ? 1 : 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(address);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) return fd;
  const int error = errno;
  close(fd);
  return -error;
}

/// Binds without listening: nobody can connect to it, and nobody else can bind it. -errno on failure.
int hold_port(Protocol protocol, std::uint16_t port, Ipv4 address) {
  const int strict = bound_socket(protocol, port, address, false);
  if (strict != -EADDRINUSE || protocol == Protocol::udp) return strict;
  // Connections that ended a moment ago are in the way, too, and they are no reason to refuse: whether
  // anybody listens is what counts. A port that is shared with them can be held only against the strict.
  const int probe = bound_socket(protocol, port, address, true);
  if (probe < 0) return probe;
  const int listening = listen(probe, 0) == 0 ? 0 : -errno;
  close(probe);
  return listening < 0 ? listening : bound_socket(protocol, port, address, true);
}

}  // namespace

Result<PortRange> parse_port_range(std::string_view text) {
  const auto dash = text.find('-');
  const auto first = number_of(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? std::nullopt : number_of(text.substr(dash + 1));
  if (!first || !last || *first > *last)
    return fail(
        Errc::invalid_argument,
        "\"" + std::string(text) + "\" is not a range of ports: write it like 30000-32767, within 1-65535");
  return PortRange{*first, *last};
}

std::string port_text(Protocol protocol, std::uint16_t port) {
  return std::to_string(port) + (protocol == Protocol::udp ? "/udp" : "/tcp");
}

std::string to_label(const std::vector<PublishedPort>& ports) {
  std::string out;
  for (const auto& port : ports)
    out += (out.empty() ? "" : ",") + port.name + (port.protocol == Protocol::udp ? ":udp:" : ":tcp:") +
           std::to_string(port.container_port) + ":" + std::to_string(port.host_port);
  return out;
}

std::vector<PublishedPort> parse_port_label(std::string_view label) {
  std::vector<PublishedPort> out;
  for (const auto& part : parts_of(label, ',')) {
    const auto words = parts_of(part, ':');
    if (words.size() != 4 || (words[1] != "tcp" && words[1] != "udp")) continue;
    const auto inside = number_of(words[2]), outside = number_of(words[3]);
    if (inside && outside)
      out.push_back({words[0], words[1] == "udp" ? Protocol::udp : Protocol::tcp, *inside, *outside});
  }
  return out;
}

Bound::~Bound() {
  if (fd_ >= 0) close(fd_);
}

HostPorts::HostPorts(PortRange range, std::vector<Ipv4> addresses)
    : range_(range), addresses_(addresses.empty() ? std::vector<Ipv4>{0} : std::move(addresses)) {}

std::optional<Error> HostPorts::take_one(const ContainerId& container, Key port, bool keep) {
  const auto text = "port " + port_text(port.first, port.second) + " of the node";
  if (const auto found = taken_.find(port); found != taken_.end())
    return Error{Errc::failed_precondition,
                 text + " is published already, for container " + found->second.owner.value,
                 {}};
  Taken taken{container, {}};
  for (const auto address : addresses_) {
    const int fd = hold_port(port.first, port.second, address);
    if (fd >= 0) {
      taken.sockets.emplace_back(fd);
      continue;
    }
    const std::string where = address == 0 ? "" : " on " + to_string(address);
    if (fd == -EADDRINUSE)
      return Error{
          Errc::failed_precondition,
          text + where + " is in use by another program; choose another host_port, or 0 for a free one",
          {}};
    return Error{Errc::failed_precondition, text + where + " cannot be bound: " + std::strerror(-fd), {}};
  }
  if (!keep) taken.sockets.clear();
  taken_.emplace(port, std::move(taken));
  return std::nullopt;
}

Result<std::uint16_t> HostPorts::choose(const ContainerId& container, const std::string& key,
                                        const Port& port) {
  const std::uint32_t count = static_cast<std::uint32_t>(range_.last - range_.first) + 1;
  const auto start = stable_hash(key + "/" + port_text(port.protocol, port.container_port)) % count;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto candidate = static_cast<std::uint16_t>(range_.first + (start + i) % count);
    if (!take_one(container, {port.protocol, candidate}, true)) return candidate;
  }
  return fail(Errc::resource_exhausted, "all " + std::to_string(count) + " ports of the node's range " +
                                            std::to_string(range_.first) + "-" + std::to_string(range_.last) +
                                            " are taken: give its agent a larger network.port_range");
}

Result<std::vector<PublishedPort>> HostPorts::take(const ContainerId& container, const std::string& key,
                                                   const std::vector<Port>& wanted) {
  const std::lock_guard lock(mutex_);
  release_locked(container);
  std::vector<PublishedPort> out;
  for (const auto& port : wanted) {
    if (!port.host_port) continue;
    std::uint16_t number = *port.host_port;
    std::optional<Error> error;
    if (number != 0) {
      error = take_one(container, {port.protocol, number}, true);
    } else if (const auto chosen = choose(container, key, port)) {
      number = *chosen;
    } else {
      error = chosen.error();
    }
    if (error) {
      release_locked(container);
      return fail(std::move(*error));
    }
    out.push_back({port.name, port.protocol, port.container_port, number});
  }
  return out;
}

Result<std::vector<PublishedPort>> HostPorts::take_of_node(const ContainerId& container,
                                                           const std::vector<Port>& wanted) {
  const std::lock_guard lock(mutex_);
  release_locked(container);
  std::vector<PublishedPort> out;
  for (const auto& port : wanted) {
    if (auto error = take_one(container, {port.protocol, port.container_port}, false)) {
      release_locked(container);
      return fail(std::move(*error));
    }
    out.push_back({port.name, port.protocol, port.container_port, port.container_port});
  }
  return out;
}

std::vector<std::string> HostPorts::adopt(const ContainerId& container,
                                          const std::vector<PublishedPort>& ports, bool of_node) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> not_ours;
  for (const auto& port : ports) {
    const Key key{port.protocol, port.host_port};
    if (of_node) {
      taken_.emplace(key, Taken{container, {}});
    } else if (take_one(container, key, true)) {
      not_ours.push_back(port_text(port.protocol, port.host_port));
      taken_.emplace(key, Taken{container, {}});
    }
  }
  return not_ours;
}

void HostPorts::release(const ContainerId& container) {
  const std::lock_guard lock(mutex_);
  release_locked(container);
}

void HostPorts::release_locked(const ContainerId& container) {
  std::erase_if(taken_, [&](const auto& entry) { return entry.second.owner == container; });
}

}  // namespace cloudless::runtime
