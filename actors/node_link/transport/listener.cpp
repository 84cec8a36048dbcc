#include "actors/node_link/transport/listener.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <list>
#include <thread>
#include <vector>

#include "actors/node_link/transport/secret_file.hpp"
#include "actors/node_link/transport/socket.hpp"
#include "actors/node_link/transport/tls_scribe.hpp"

namespace cloudless::node_link {
namespace {

using Steady = std::chrono::steady_clock;

/// A connection that has not proved itself yet.
struct Handshake {
  Socket socket;
  std::string greeting;
  std::string proof;
  Steady::time_point deadline;
  std::unique_ptr<TlsSession> session;  ///< once the preface is done, where the channel is encrypted
  short events = POLLIN;                ///< what it waits for
};

std::uint16_t port_of(const Socket& socket) {
  Endpoint bound;
  bound.size = sizeof bound.address;
  ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&bound.address), &bound.size);
  // sin_port and sin6_port lie at the same place.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&bound.address)->sin_port);
}

class PollingListener final : public Listener {
 public:
  PollingListener(caf::actor_system& system, ListenOptions options, Socket socket, Channel channel,
                  Publish publish, std::set<std::string> interface)
      : system_(system),
        broker_(basp_broker(system)),
        options_(std::move(options)),
        socket_(std::move(socket)),
        channel_(channel),
        port_(port_of(socket_)),
        publish_(std::move(publish)),
        interface_(std::move(interface)),
        wake_(::eventfd(0, EFD_CLOEXEC)),
        thread_([this] { run(); }) {}

  ~PollingListener() override {
    const std::uint64_t one = 1;
    if (::write(wake_.fd(), &one, sizeof one) < 0) spdlog::error("listener: cannot wake its thread");
    thread_.join();
  }

  std::uint16_t port() const override { return port_; }
  Counts counts() const override { return {accepted_, refused_, timed_out_}; }

 private:
  void run() {
    for (;;) {
      std::vector<pollfd> waiting{{wake_.fd(), POLLIN, 0}};
      waiting.push_back({socket_.fd(), POLLIN, 0});
      for (const auto& handshake : handshakes_)
        waiting.push_back({handshake.socket.fd(), handshake.events, 0});
      ::poll(waiting.data(), waiting.size(), until_next_deadline());
      if (waiting[0].revents != 0) return;
      auto ready = waiting.begin() + 2;
      for (auto it = handshakes_.begin(); it != handshakes_.end(); ++ready)
        it = ready->revents != 0 && advance(*it) ? handshakes_.erase(it) : std::next(it);
      drop_late();
      if (waiting[1].revents != 0) accept();
    }
  }

  int until_next_deadline() const {
    if (handshakes_.empty()) return -1;
    // All have the same time, so the oldest is the first to run out of it.
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(handshakes_.front().deadline - Steady::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  }

  void accept() {
    Socket socket{::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!socket) {
      // Out of descriptors: the connection stays in the queue and poll would return at once, for ever.
      if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(std::chrono::milliseconds{100});
      return;
    }
    Handshake handshake;
    handshake.socket = std::move(socket);
    handshake.greeting = greeting(random_bytes(kNonceBytes), channel_);
    handshake.deadline = Steady::now() + std::chrono::milliseconds{options_.deadline};
    if (!send(handshake, handshake.greeting)) return;
    // Those who stay silent must not keep others out.
    if (handshakes_.size() >= options_.max_handshakes) drop_for_another();
    handshakes_.push_back(std::move(handshake));
  }

  /// A fresh socket's buffer takes these few bytes; a peer that makes it not so is none of ours.
  static bool send(const Handshake& handshake, const std::string& bytes) {
    return ::send(handshake.socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  /// True when the handshake is over, well or not.
  bool advance(Handshake& handshake) {
    return handshake.session ? advance_session(handshake) : advance_preface(handshake);
  }

  /// Reads nothing beyond the proof: what follows is TLS's or CAF's.
  bool advance_preface(Handshake& handshake) {
    std::array<char, kProofBytes> bytes{};
    const auto got = ::recv(handshake.socket.fd(), bytes.data(), kProofBytes - handshake.proof.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got <= 0) return refuse("went without a proof of the secret");
    handshake.proof.append(bytes.data(), static_cast<std::size_t>(got));
    if (handshake.proof.size() < kProofBytes) return false;
    const auto answer = confirmation(options_.key, handshake.greeting, handshake.proof);
    if (!answer || !send(handshake, *answer)) return refuse("does not know the secret");
    if (channel_ == Channel::plain) return hand_over(to_caf_socket(system_, std::move(handshake.socket)));
    handshake.session =
        std::make_unique<TlsSession>(TlsSession::Side::server, handshake.socket.fd(),
                                     channel_key(options_.key, handshake.greeting, handshake.proof));
    return advance_session(handshake);
  }

  bool advance_session(Handshake& handshake) {
    switch (handshake.session->handshake()) {
      case TlsSession::Progress::wants_read:
        handshake.events = POLLIN;
        return false;
      case TlsSession::Progress::wants_write:
        handshake.events = POLLOUT;
        return false;
      case TlsSession::Progress::failed:
        return refuse("did not finish its TLS handshake");
      case TlsSession::Progress::done:
        break;
    }
    return hand_over(to_caf_socket(system_, std::move(handshake.socket), std::move(handshake.session)));
  }

  bool hand_over(const caf::io::scribe_ptr& connection) {
    ++accepted_;
    caf::anon_send(broker_, caf::publish_atom_v, connection, port_, publish_(), interface_);
    return true;
  }

  bool refuse(const char* why) {
    // Once per power of two: a flood of strangers must not become a flood of lines.
    const auto count = ++refused_;
    if ((count & (count - 1)) == 0)
      spdlog::warn("port {}: refused a connection that {} ({} refused so far)", port_, why, count);
    return true;
  }

  void drop_late() {
    const auto now = Steady::now();
    while (!handshakes_.empty() && handshakes_.front().deadline <= now) drop_oldest();
  }

  void drop_oldest() { drop(handshakes_.begin()); }

  /// Who knows the secret goes last: strangers must not push those out.
  void drop_for_another() {
    const auto stranger = std::find_if(handshakes_.begin(), handshakes_.end(),
                                       [](const auto& handshake) { return !handshake.session; });
    drop(stranger == handshakes_.end() ? handshakes_.begin() : stranger);
  }

  void drop(std::list<Handshake>::iterator which) {
    ++timed_out_;
    handshakes_.erase(which);
  }

  caf::actor_system& system_;
  const caf::actor broker_;
  const ListenOptions options_;
  const Socket socket_;
  const Channel channel_;
  const std::uint16_t port_;
  const Publish publish_;
  const std::set<std::string> interface_;
  std::list<Handshake> handshakes_;  // oldest first
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> timed_out_{0};
  const Socket wake_;
  std::thread thread_;
};

const char* hint(int problem) {
  switch (problem) {
    case EADDRINUSE:
      return "; is another one running?";
    case EADDRNOTAVAIL:
      return "; give an address that this machine has (ip address)";
    case EACCES:
      return "; give a port above 1023, or the capability CAP_NET_BIND_SERVICE";
    default:
      return "";
  }
}

/// Bound and listening, or why not: an errno.
tl::expected<Socket, int> listening(const Endpoint& endpoint) {
  Socket socket{::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const int one = 1;
  if (!socket || ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      ::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.size) != 0 ||
      ::listen(socket.fd(), 128) != 0)
    return tl::unexpected(errno);
  return socket;
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(caf::actor_system& system, ListenOptions options,
                                                 Publish publish, std::set<std::string> interface) {
  const auto endpoints = endpoints_of("listen address", options.address, options.port);
  if (!endpoints) return fail(endpoints.error());
  const auto& endpoint = endpoints->front();
  auto socket = listening(endpoint);
  if (!socket)
    return fail(Errc::unavailable, "cannot listen on " + options.address + " port " +
                                       std::to_string(options.port) + ": " + std::strerror(socket.error()) +
                                       hint(socket.error()));
  const auto channel = endpoint.is_loopback ? Channel::plain : Channel::encrypted;
  return std::make_unique<PollingListener>(system, std::move(options), std::move(*socket), channel,
                                           std::move(publish), std::move(interface));
}

}  // namespace cloudless::node_link
