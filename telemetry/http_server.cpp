#include "telemetry/http_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <exception>
#include <list>
#include <thread>
#include <utility>
#include <vector>

namespace cloudless::telemetry {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using SystemError = boost::system::error_code;

/// Of one more the oldest ends: who connects and says nothing holds up nobody.
constexpr std::size_t kMostConnections = 64;
constexpr std::uint32_t kMostHeaderBytes = 16 << 10;
/// For all of a request, and for all of an answer, however fast single bytes come and go.
constexpr auto kPatience = std::chrono::seconds(5);
/// A page that takes its time holds up no other.
constexpr int kThreads = 3;
constexpr auto kAcceptAgain = std::chrono::milliseconds(100);

/// One question and its answer, on a strand of their own. Lives as long as something of it is under way.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const HttpRoutes& routes)
      : stream_(std::move(socket)), buffer_(kMostHeaderBytes), routes_(routes) {
    parser_.header_limit(kMostHeaderBytes);
  }

  void begin() {
    asio::post(stream_.get_executor(), [self = shared_from_this()] { self->read(); });
  }
  void close() {
    asio::post(stream_.get_executor(), [self = shared_from_this()] { self->stream_.close(); });
  }

 private:
  void read() {
    stream_.expires_after(kPatience);
    http::async_read_header(
        stream_, buffer_, parser_,
        [self = shared_from_this()](const SystemError& error, std::size_t) { self->asked(error); });
  }

  void asked(const SystemError& error) {
    if (!error) return say(answer());
    // What is no HTTP is told so; who left or was too slow is gone.
    if (error.category() == make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message)
      say({400, "the request cannot be read: " + error.message() + "\n"});
  }

  HttpAnswer answer() const {
    const auto& request = parser_.get();
    if (request.method() != http::verb::get && request.method() != http::verb::head)
      return {405, "only GET and HEAD are answered here\n"};
    const std::string target(request.target());
    const auto route = routes_.find(target.substr(0, target.find('?')));
    if (route == routes_.end()) return {404, "there is no such page\n"};
    try {
      return route->second();
    } catch (const std::exception& e) {
      return {500, std::string("the page could not be made: ") + e.what() + "\n"};
    }
  }

  void say(HttpAnswer answer) {
    answer_.result(static_cast<unsigned>(answer.status));
    answer_.version(11);
    answer_.keep_alive(false);
    answer_.set(http::field::content_type, answer.content_type);
    answer_.content_length(answer.body.size());
    if (parser_.get().method() != http::verb::head) answer_.body() = std::move(answer.body);
    stream_.expires_after(kPatience);
    http::async_write(stream_, answer_, [self = shared_from_this()](const SystemError&, std::size_t) {
      SystemError ignored;
      self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    });
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::request_parser<http::empty_body> parser_;
  http::response<http::string_body> answer_;
  const HttpRoutes& routes_;
};

class BeastServer final : public HttpServer {
 public:
  explicit BeastServer(HttpRoutes routes) : routes_(std::move(routes)) {}
  ~BeastServer() override {
    io_.stop();
    for (auto& thread : threads_) thread.join();
  }

  bool start(const std::string& host, std::uint16_t port) {
    SystemError error;
    const auto found = tcp::resolver(io_).resolve(host, std::to_string(port), tcp::resolver::passive, error);
    if (error || found.empty()) return false;
    const tcp::endpoint where = *found.begin();
    acceptor_.open(where.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(where, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    if (error) return false;
    accept();
    for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { io_.run(); });
    return true;
  }
  std::uint16_t port() const override { return port_; }

 private:
  void accept() {
    acceptor_.async_accept(asio::make_strand(io_), [this](const SystemError& error, tcp::socket socket) {
      if (error) return accept_later();
      take(std::move(socket));
      accept();
    });
  }

  /// Out of descriptors, most likely: to ask again at once would keep the thread busy.
  void accept_later() {
    again_.expires_after(kAcceptAgain);
    again_.async_wait([this](const SystemError& error) {
      if (!error) accept();
    });
  }

  void take(tcp::socket socket) {
    connections_.remove_if([](const auto& connection) { return connection.expired(); });
    if (connections_.size() >= kMostConnections) {
      if (const auto oldest = connections_.front().lock()) oldest->close();
      connections_.pop_front();
    }
    const auto connection = std::make_shared<Connection>(std::move(socket), routes_);
    connections_.push_back(connection);
    connection->begin();
  }

  const HttpRoutes routes_;
  std::list<std::weak_ptr<Connection>> connections_;  // the oldest first
  asio::io_context io_;
  tcp::acceptor acceptor_{io_};
  asio::steady_timer again_{io_};
  std::uint16_t port_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(const std::string& host, std::uint16_t port,
                                                       HttpRoutes routes) {
  auto server = std::make_unique<BeastServer>(std::move(routes));
  if (!server->start(host, port))
    return fail(Errc::unavailable, "cannot listen at " + host + ":" + std::to_string(port) +
                                       " for HTTP; is another process there?");
  return server;
}

}  // namespace cloudless::telemetry
