// port-forward: local ports whose connections end at ports of a replica.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <ostream>
#include <thread>
#include <vector>

#include "actors/runtime/archive/descriptor.hpp"
#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/console.hpp"
#include "services/cloudlessctl/forward_spec.hpp"
#include "services/cloudlessctl/target.hpp"

namespace cloudless::cli {
namespace {

using runtime::Descriptor;

constexpr std::size_t kPieceOfConnection = 32 << 10;
/// Connections at a time; more wait to be accepted.
constexpr std::size_t kMostConnections = 128;

struct ForwardOptions {
  std::string target;
  std::vector<std::string> ports;
  std::string address = "127.0.0.1";
};

struct Listener {
  Descriptor socket;
  ForwardSpec spec;
};

/// Says lines whole, whichever thread they come from.
class Lines {
 public:
  explicit Lines(std::ostream& out) : out_(out) {}
  void say(const std::string& line) {
    const std::lock_guard lock(mutex_);
    out_ << line << "\n" << std::flush;
  }

 private:
  std::mutex mutex_;
  std::ostream& out_;
};

/// One accepted connection, and the stream that is its other half.
class Connection {
 public:
  Connection(Descriptor socket, Client& client, api::PortForwardInput opening, Lines& errors)
      : socket_(std::move(socket)),
        opening_(std::move(opening)),
        errors_(errors),
        stream_(client.stub().PortForward(&call_)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Connection() {
    call_.TryCancel();
    shutdown(socket_.number(), SHUT_RDWR);
    thread_.join();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  bool over() const { return over_; }

 private:
  void run() {
    stream_->Write(opening_);
    std::thread sending([this] { send(); });
    bool remote_over = false;
    for (api::PortForwardOutput message; stream_->Read(&message);) {
      if (message.closed()) {
        remote_over = true;
        shutdown(socket_.number(), SHUT_WR);
      } else if (!write_to_client(message.data())) {
        call_.TryCancel();
      }
    }
    ending_ = true;
    // What sends may be waiting for the client.
    shutdown(socket_.number(), SHUT_RD);
    sending.join();
    const auto status = stream_->Finish();
    if (!status.ok() && status.error_code() != grpc::StatusCode::CANCELLED)
      errors_.say("error: a connection to port " + std::to_string(opening_.open().port()) + ": " +
                  to_text(failure_of(status)));
    if (!status.ok() || !remote_over) reset();
    socket_.reset();
    over_ = true;
  }

  void send() {
    std::string piece(kPieceOfConnection, '\0');
    for (;;) {
      const auto got = recv(socket_.number(), piece.data(), piece.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      api::PortForwardInput message;
      if (got > 0)
        message.set_data(piece.data(), static_cast<std::size_t>(got));
      else
        message.set_close(true);
      if (ending_) return;
      // The client went away without a word to the other side.
      if (got < 0) call_.TryCancel();
      if (!stream_->Write(message) || got <= 0) return;
    }
  }

  bool write_to_client(const std::string& bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
      const auto put = ::send(socket_.number(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return false;
      done += static_cast<std::size_t>(put);
    }
    return true;
  }

  /// The client is to see that it was no proper end.
  void reset() {
    const linger at_once{1, 0};
    setsockopt(socket_.number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

  Descriptor socket_;
  const api::PortForwardInput opening_;
  Lines& errors_;
  grpc::ClientContext call_;
  std::unique_ptr<grpc::ClientReaderWriter<api::PortForwardInput, api::PortForwardOutput>> stream_;
  std::atomic<bool> ending_ = false;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

/// Told by a signal.
ConsoleNews* forward_news = nullptr;
void on_forward_end(int) {
  forward_news->tell('q');
}

Answer<Listener> listen_at(const std::string& address, const ForwardSpec& spec) {
  const auto refuse = [&](const std::string& why) {
    return tl::make_unexpected(
        Failure{grpc::StatusCode::UNKNOWN,
                "cannot listen at " + address + ":" + std::to_string(spec.local) + ": " + why,
                {}});
  };
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(spec.local);
  if (inet_pton(AF_INET, address.c_str(), &at.sin_addr) != 1) return refuse("that is no IPv4 address");
  Listener out{Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), spec};
  const int yes = 1;
  setsockopt(out.socket.number(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(out.socket.number(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
      listen(out.socket.number(), SOMAXCONN) != 0)
    return refuse(std::strerror(errno));
  socklen_t size = sizeof at;
  getsockname(out.socket.number(), reinterpret_cast<sockaddr*>(&at), &size);
  out.spec.local = ntohs(at.sin_port);
  return out;
}

void serve(Context& context, const std::vector<Listener>& listeners, const api::PortForwardInput& opening) {
  ConsoleNews news;
  forward_news = &news;
  std::signal(SIGINT, on_forward_end);
  std::signal(SIGTERM, on_forward_end);
  Lines errors(context.terminal.err);
  std::list<std::unique_ptr<Connection>> connections;
  for (;;) {
    connections.remove_if([](const auto& connection) { return connection->over(); });
    const bool room = connections.size() < kMostConnections;
    std::vector<pollfd> ready{{news.event(), POLLIN, 0}};
    for (const auto& listener : listeners) ready.push_back({room ? listener.socket.number() : -1, POLLIN, 0});
    // Ended connections are looked for now and then.
    poll(ready.data(), ready.size(), connections.empty() ? -1 : 200);
    if (ready[0].revents != 0 && news.take() == 'q') break;
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      if (ready[i + 1].revents == 0) continue;
      Descriptor accepted(accept4(listeners[i].socket.number(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!accepted.open()) continue;
      auto own = opening;
      own.mutable_open()->set_port(listeners[i].spec.remote);
      connections.push_back(
          std::make_unique<Connection>(std::move(accepted), context.client, std::move(own), errors));
    }
  }
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  forward_news = nullptr;
}

ExitCode port_forward(Context& context, const ForwardOptions& options) {
  api::PortForwardInput opening;
  if (const auto failure = set_target(context, options.target, *opening.mutable_open()))
    return report(context, *failure);
  if (!opening.open().workload().empty()) {
    if (const auto found = find_workload(context, options.target); !found)
      return report(context, found.error());
  }
  std::vector<Listener> listeners;
  for (const auto& text : options.ports) {
    const auto spec = parse_forward(text);
    if (!spec) {
      context.terminal.err << "error: '" << text << "' is not [LOCAL:]REMOTE, e.g. 8080, 9090:80 or :80\n";
      return ExitCode::usage;
    }
    auto listener = listen_at(options.address, *spec);
    if (!listener) {
      context.terminal.err << "error: " << listener.error().message << "\n";
      return ExitCode::failed;
    }
    listeners.push_back(std::move(*listener));
  }
  for (const auto& listener : listeners)
    context.terminal.out << "Forwarding " << options.address << ":" << listener.spec.local << " to port "
                         << listener.spec.remote << " of " << options.target << "\n";
  context.terminal.out << std::flush;
  serve(context, listeners, opening);
  return ExitCode::ok;
}

}  // namespace

void add_forward_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<ForwardOptions>();
  auto* command =
      app.add_subcommand("port-forward", "Reach ports of a replica through local ports, until Ctrl-C");
  command
      ->add_option("target", options->target,
                   "Name of a workload (its first ready replica, for each connection), or id of a replica or "
                   "container")
      ->required();
  command->add_option("ports", options->ports, "[LOCAL:]REMOTE ...; :REMOTE takes a free local port")
      ->required();
  command->add_option("--address", options->address, "IPv4 address to listen at")->capture_default_str();
  command->callback([&action, options] {
    action = [options](Context& context) { return port_forward(context, *options); };
  });
}

}  // namespace cloudless::cli
