#include "telemetry/http_server.hpp"

#include <httplib.h>

#include <thread>
#include <utility>

namespace cloudless::telemetry {
namespace {

class Httplib final : public HttpServer {
 public:
  explicit Httplib(HttpRoutes routes) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(3); };
    server_.set_read_timeout(2);
    server_.set_write_timeout(5);
    server_.set_keep_alive_timeout(1);
    server_.set_payload_max_length(64 << 10);
    // httplib's default is SO_REUSEPORT, with which a second process would silently share the port.
    server_.set_socket_options([](socket_t s) {
      const int yes = 1;
      setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    for (auto& [path, answer] : routes) {
      server_.Get(path, [answer = std::move(answer)](const httplib::Request&, httplib::Response& response) {
        auto out = answer();
        response.status = out.status;
        response.set_content(std::move(out.body), out.content_type);
      });
    }
  }
  ~Httplib() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  bool start(const std::string& host, std::uint16_t port) {
    if (port == 0) {
      const int any = server_.bind_to_any_port(host);
      if (any <= 0) return false;
      port_ = static_cast<std::uint16_t>(any);
    } else {
      if (!server_.bind_to_port(host, port)) return false;
      port_ = port;
    }
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // stop() is heard only by a server that runs.
    while (!server_.is_running()) std::this_thread::yield();
    return true;
  }
  std::uint16_t port() const override { return port_; }

 private:
  httplib::Server server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(const std::string& host, std::uint16_t port,
                                                       HttpRoutes routes) {
  auto server = std::make_unique<Httplib>(std::move(routes));
  if (!server->start(host, port))
    return fail(Errc::unavailable, "cannot listen at " + host + ":" + std::to_string(port) +
                                       " for HTTP; is another process there?");
  return server;
}

}  // namespace cloudless::telemetry
