#include "actors/node_link/transport/dialer.hpp"

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "actors/node_link/transport/secret_file.hpp"
#include "actors/node_link/transport/socket.hpp"
#include "actors/node_link/transport/tls_scribe.hpp"
#include "messages/caf_error.hpp"

namespace cloudless::node_link {
namespace {

using Steady = std::chrono::steady_clock;

/// A connected socket that does not outlast its deadline.
class Connection {
 public:
  Connection(Socket socket, Steady::time_point deadline) : socket_(std::move(socket)), deadline_(deadline) {}

  /// True if `events` (or the end of the connection) came before the deadline.
  bool wait(short events) const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Steady::now()).count();
    pollfd waiting{socket_.fd(), events, 0};
    return left > 0 && ::poll(&waiting, 1, static_cast<int>(left)) == 1;
  }

  /// Exactly `count` bytes, or fewer at the end of the connection or the deadline.
  std::string read(std::size_t count) const {
    std::string out(count, '\0');
    std::size_t have = 0;
    while (have < count && wait(POLLIN)) {
      const auto got = ::recv(socket_.fd(), out.data() + have, count - have, 0);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) break;
      if (got > 0) have += static_cast<std::size_t>(got);
    }
    out.resize(have);
    return out;
  }

  bool write(const std::string& bytes) const {
    return ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  Socket& socket() { return socket_; }

 private:
  Socket socket_;
  Steady::time_point deadline_;
};

Result<Socket> connect(const DialOptions& options, const Endpoint& endpoint, Steady::time_point deadline) {
  auto failed = [&](int problem) {
    return fail(Errc::unavailable, "cannot connect to " + options.address + " port " +
                                       std::to_string(options.port) + ": " + std::strerror(problem));
  };
  Socket socket{::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket) return failed(errno);
  if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.size) == 0)
    return socket;
  if (errno != EINPROGRESS) return failed(errno);
  Connection connection{std::move(socket), deadline};
  if (!connection.wait(POLLOUT)) return failed(ETIMEDOUT);
  int problem = 0;
  socklen_t size = sizeof problem;
  ::getsockopt(connection.socket().fd(), SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0) return failed(problem);
  return std::move(connection.socket());
}

/// A socket whose other end has proved that it knows the secret, and what encrypts it if anything does.
struct Proved {
  Socket socket;
  std::unique_ptr<TlsSession> session;
};

/// Until it is done, has failed, or the deadline is there.
bool shake_hands(const Connection& connection, TlsSession& session) {
  for (;;) {
    switch (session.handshake()) {
      case TlsSession::Progress::done:
        return true;
      case TlsSession::Progress::failed:
        return false;
      case TlsSession::Progress::wants_read:
        if (!connection.wait(POLLIN)) return false;
        break;
      case TlsSession::Progress::wants_write:
        if (!connection.wait(POLLOUT)) return false;
        break;
    }
  }
}

Result<Proved> dial_with_preface(const DialOptions& options) {
  const auto endpoints = endpoints_of("coordinator address", options.address, options.port);
  if (!endpoints) return fail(endpoints.error());
  const auto deadline = Steady::now() + std::chrono::milliseconds{options.deadline};
  Result<Socket> connected = fail(Errc::unavailable, "no address");
  bool leaves_machine = false;
  auto left = static_cast<int>(endpoints->size());
  for (const auto& endpoint : *endpoints) {
    leaves_machine = !endpoint.is_loopback;
    // An address that nothing comes back from must leave time for the others.
    const auto now = Steady::now();
    connected = connect(options, endpoint, now + (deadline - now) / left--);
    if (connected) break;
  }
  if (!connected) return fail(connected.error());
  Connection connection{std::move(*connected), deadline};
  const auto where = options.address + " port " + std::to_string(options.port);
  const auto greeted = connection.read(kGreetingBytes);
  const auto answer = proof(options.key, greeted, random_bytes(kNonceBytes));
  if (!answer) {
    if (greeted.size() < kGreetingBytes)
      return fail(Errc::unavailable, where + " does not greet; is it overloaded, or another service?");
    return fail(Errc::failed_precondition, where + " is not a link port of this version of Cloudless");
  }
  const bool encrypted = channel_of(greeted) == Channel::encrypted;
  if (leaves_machine && !encrypted)
    return fail(Errc::failed_precondition,
                where +
                    " is on another machine and does not encrypt; it must listen on an address of its own "
                    "there, not on loopback behind something that forwards to it");
  if (!connection.write(*answer)) return fail(Errc::unavailable, where + " closed the connection");
  const auto last = connection.read(kConfirmationBytes);
  if (!confirmed(options.key, greeted, *answer, last))
    return fail(Errc::permission_denied,
                where + " does not accept this secret; both ends need the same secret file");
  Proved proved;
  if (encrypted) {
    proved.session = std::make_unique<TlsSession>(TlsSession::Side::client, connection.socket().fd(),
                                                  channel_key(options.key, greeted, *answer));
    if (!shake_hands(connection, *proved.session))
      return fail(Errc::unavailable, where + " did not finish the TLS handshake");
  }
  proved.socket = std::move(connection.socket());
  return proved;
}

}  // namespace

class Dialer::Worker {
 public:
  Worker(caf::actor_system& system, DialOptions options, std::set<std::string> interface)
      : system_(system),
        broker_(basp_broker(system)),
        options_(std::move(options)),
        interface_(std::move(interface)),
        thread_([this] { run(); }) {}

  ~Worker() {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
    for (auto& done : queue_) done(fail(Errc::unavailable, "shutting down"));
  }

  void push(Done done) {
    {
      const std::lock_guard lock{mutex_};
      queue_.push_back(std::move(done));
    }
    changed_.notify_one();
  }

 private:
  void run() {
    for (;;) {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      auto done = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      auto proved = dial_with_preface(options_);
      if (!proved)
        done(fail(proved.error()));
      else
        hand_over(std::move(*proved), std::move(done));
    }
  }

  /// CAF's own handshake, by an actor that lives until it is answered.
  void hand_over(Proved proved, Done done) {
    auto scribe = proved.session ? to_caf_socket(system_, std::move(proved.socket), std::move(proved.session))
                                 : to_caf_socket(system_, std::move(proved.socket));
    system_.spawn<caf::hidden>([scribe, done, broker = broker_, options = options_,
                                interface = interface_](caf::event_based_actor* self) {
      self->request(broker, std::chrono::milliseconds{options.deadline}, caf::connect_atom_v, scribe,
                    options.port)
          .then(
              [self, done, interface](const caf::node_id&, const caf::strong_actor_ptr& found,
                                      const std::set<std::string>& offered) {
                if (!found || !self->system().assignable(offered, interface))
                  done(fail(Errc::failed_precondition,
                            "the port offers something else; is it the right one?"));
                else
                  done(found);
              },
              [done](const caf::error& error) {
                done(fail(Errc::unavailable,
                          "the coordinator did not finish the connection: " + from_caf(error).message));
              });
    });
  }

  caf::actor_system& system_;
  const caf::actor broker_;
  const DialOptions options_;
  const std::set<std::string> interface_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Done> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

Dialer::Dialer(caf::actor_system& system, DialOptions options, std::set<std::string> interface)
    : worker_(std::make_unique<Worker>(system, std::move(options), std::move(interface))) {}

Dialer::~Dialer() = default;

void Dialer::dial(Done done) {
  worker_->push(std::move(done));
}

LinkDialer::LinkDialer(caf::actor_system& system, DialOptions options)
    : dialer_(system, std::move(options), system.message_types<door_actor>()) {}

void LinkDialer::dial(std::function<void(Result<door_actor>)> done) {
  dialer_.dial([done = std::move(done)](Result<caf::strong_actor_ptr> found) {
    if (found)
      done(caf::actor_cast<door_actor>(*found));
    else
      done(fail(found.error()));
  });
}

}  // namespace cloudless::node_link
