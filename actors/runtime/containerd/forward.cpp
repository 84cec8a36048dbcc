#include "actors/runtime/containerd/forward.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "actors/runtime/containerd/inside.hpp"

namespace cloudless::runtime {
namespace {

constexpr int kConnectPatience = 5000;  // milliseconds
constexpr char kForwardAddressLabel[] = "cloudless.io/address";

/// Sockets of another network are made by a thread that goes there and ends.
Descriptor socket_in(int network) {
  std::promise<Descriptor> made;
  auto socket_made = made.get_future();
  std::thread([&] {
    if (setns(network, CLONE_NEWNET) != 0) return made.set_value(Descriptor{});
    made.set_value(Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  }).join();
  return socket_made.get();
}

bool is_own_network(int network) {
  struct stat theirs {
  }, ours{};
  return fstat(network, &theirs) == 0 && stat("/proc/self/ns/net", &ours) == 0 &&
         theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

/// 0, or why not.
int connect_to(int socket, in_addr_t address, std::uint32_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = address;
  if (connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd ready{socket, POLLOUT, 0};
  if (poll(&ready, 1, kConnectPatience) != 1) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

class Forward : public std::enable_shared_from_this<Forward> {
 public:
  Forward(const ForwardParts& parts, ContainerId container, std::uint32_t port, std::uint64_t credit,
          std::function<void(StreamNews)> tell)
      : parts_(parts),
        container_(std::move(container)),
        port_(port),
        tell_(std::move(tell)),
        relay_({credit, 0, std::chrono::milliseconds(0)}, events()) {}

  void open() {
    // The loop shares the whole connection, until it is over.
    parts_.loop.add(std::shared_ptr<Relay>(shared_from_this(), &relay_));
    parts_.jobs.submit([self = shared_from_this()] { self->begin(); });
  }

  Relay& relay() { return relay_; }

 private:
  Relay::Events events() {
    Relay::Events out;
    out.output = [this](std::string output, bool) {
      tell_(StreamNews{std::move(output), false, false, 0, std::nullopt});
    };
    out.taken = [this](std::uint64_t bytes) { tell_(StreamNews{{}, false, false, bytes, std::nullopt}); };
    out.input_closed = [] {};
    out.output_closed = [this] { tell_(StreamNews{{}, false, true, 0, std::nullopt}); };
    out.over = [this](Relay::Over how) {
      parts_.jobs.submit([self = shared_from_this(), how] { self->finish(how); });
    };
    return out;
  }

  void begin() {
    auto socket = relay_.abandoned() ? Result<Descriptor>(fail(Errc::aborted, "nobody waits for it any more"))
                                     : connected();
    const bool good = socket.has_value();
    begun_.set_value(good ? std::nullopt : std::optional(socket.error()));
    good ? relay_.attach_connection(std::move(*socket)) : relay_.abandon();
  }

  Result<Descriptor> connected() {
    const auto network = open_of_container(parts_.client, container_, "ns/net", O_RDONLY);
    if (!network) return fail(network.error());
    int error = ECONNREFUSED;
    for (const auto address : addresses(network->number())) {
      auto socket = socket_in(network->number());
      if (!socket.open()) return fail(Errc::internal, std::string("no socket: ") + std::strerror(errno));
      error = connect_to(socket.number(), address, port_);
      if (error != 0) continue;
      const int yes = 1;
      setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      return socket;
    }
    return fail(Errc::failed_precondition, "port " + std::to_string(port_) + " of container " +
                                               container_.value +
                                               " cannot be connected to: " + std::strerror(error));
  }

  /// Loopback first; of a container that shares this machine's network only what it was given: the machine's
  /// loopback is not the container's.
  std::vector<in_addr_t> addresses(int network) {
    std::vector<in_addr_t> out;
    if (!is_own_network(network)) out.push_back(htonl(INADDR_LOOPBACK));
    containers_v1::GetContainerRequest get;
    get.set_id(container_.value);
    const auto record = parts_.client.call(parts_.client.containers(), &containers_v1::Containers::Stub::Get,
                                           get, parts_.client.scope("look up container", 10'000));
    if (!record) return out;
    const auto label = record->container().labels().find(kForwardAddressLabel);
    in_addr address{};
    if (label != record->container().labels().end() &&
        inet_pton(AF_INET, label->second.c_str(), &address) == 1)
      out.push_back(address.s_addr);
    return out;
  }

  void finish(Relay::Over how) {
    const auto problem = begun_.get_future().get();
    if (problem) return tell_(StreamNews{{}, false, false, 0, Result<StreamEnd>(fail(*problem))});
    if (how == Relay::Over::ended)
      return tell_(StreamNews{{}, false, false, 0, Result<StreamEnd>(StreamEnd{})});
    const auto code = how == Relay::Over::failed ? Errc::unavailable : Errc::cancelled;
    tell_(StreamNews{
        {},
        false,
        false,
        0,
        Result<StreamEnd>(fail(code, "the connection to port " + std::to_string(port_) + " broke"))});
  }

  const ForwardParts parts_;
  const ContainerId container_;
  const std::uint32_t port_;
  const std::function<void(StreamNews)> tell_;
  std::promise<std::optional<Error>> begun_;
  Relay relay_;
};

class ForwardStream final : public RuntimeStream {
 public:
  explicit ForwardStream(std::shared_ptr<Forward> forward) : forward_(std::move(forward)) {}
  ~ForwardStream() override { forward_->relay().abandon(); }
  void push(std::string bytes) override { forward_->relay().push(std::move(bytes)); }
  void end_input() override { forward_->relay().end_input(); }
  void grant(std::uint64_t bytes) override { forward_->relay().grant(bytes); }
  void resize(WindowSize) override {}
  void signal(int) override {}

 private:
  std::shared_ptr<Forward> forward_;
};

}  // namespace

std::unique_ptr<RuntimeStream> open_forward(const ForwardParts& parts, const ContainerId& container,
                                            const ForwardQuery& query, std::uint64_t credit,
                                            std::function<void(StreamNews)> tell) {
  auto forward = std::make_shared<Forward>(parts, container, query.port, credit, std::move(tell));
  forward->open();
  return std::make_unique<ForwardStream>(std::move(forward));
}

}  // namespace cloudless::runtime
