#include "telemetry/http_server.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string>
#include <vector>

#include "telemetry/metrics.hpp"
#include "telemetry/routes.hpp"

using namespace cloudless::telemetry;

namespace {

/// Anybody who reaches the port and says what he likes.
class Stranger {
 public:
  explicit Stranger(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval patience{60, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    REQUIRE(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~Stranger() { close(socket_); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  bool say(const std::string& words) {
    return send(socket_, words.data(), words.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(words.size());
  }
  /// Until the server closes.
  std::string hear() {
    std::string out;
    char bytes[4096];
    for (ssize_t n; (n = recv(socket_, bytes, sizeof bytes, 0)) > 0;)
      out.append(bytes, static_cast<std::size_t>(n));
    return out;
  }

 private:
  int socket_;
};

std::unique_ptr<HttpServer> healthy() {
  auto server = HttpServer::listen("127.0.0.1", 0, {{"/health", [] { return HttpAnswer{200, "ok\n"}; }}});
  REQUIRE(server.has_value());
  return std::move(*server);
}

bool serves(const HttpServer& server) {
  httplib::Client client("127.0.0.1", server.port());
  client.set_read_timeout(60);
  const auto answer = client.Get("/health");
  return answer && answer->status == 200 && answer->body == "ok\n";
}

}  // namespace

TEST_CASE("routes are answered, other paths and a second listener are not") {
  Metrics metrics;
  auto& family =
      prometheus::BuildCounter().Name("cloudless_test_total").Help("Test.").Register(metrics.registry());
  family.Add({{"kind", "a"}}).Increment(3);
  bool loaded = false;
  auto routes = health_routes([&]() -> cloudless::Result<void> {
    if (!loaded) return cloudless::fail({cloudless::Errc::unavailable, "nothing is loaded yet", {}});
    return {};
  });
  routes.merge(metrics_routes(metrics));
  auto server = HttpServer::listen("127.0.0.1", 0, std::move(routes));
  REQUIRE(server.has_value());
  httplib::Client client("127.0.0.1", (*server)->port());
  CHECK(client.Get("/health")->body == "ok\n");
  CHECK(client.Get("/ready")->status == 503);
  CHECK(client.Get("/ready")->body == "not ready: nothing is loaded yet\n");
  loaded = true;
  CHECK(client.Get("/ready")->status == 200);
  const auto text = client.Get("/metrics")->body;
  CHECK(text.find("cloudless_test_total{kind=\"a\"} 3") != std::string::npos);
  CHECK(text.find("process_resident_memory_bytes ") != std::string::npos);
  CHECK(client.Get("/other")->status == 404);
  const auto second = HttpServer::listen("127.0.0.1", (*server)->port(), {});
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == cloudless::Errc::unavailable);
}

TEST_CASE("a request without end is broken off, in a line or in many") {
  const auto server = healthy();
  for (const std::string& piece : {std::string(64 << 10, 'x'), std::string("a: b\r\n")}) {
    Stranger stranger(server->port());
    REQUIRE(stranger.say("GET /health HTTP/1.1\r\nX: "));
    std::size_t said = 0;
    while (said < (64u << 20) && stranger.say(piece)) said += piece.size();
    CHECK(said < 64u << 20);
    CHECK(serves(*server));
  }
}

TEST_CASE("those who connect and say nothing hold up nobody, and the oldest of many are sent away") {
  const auto server = healthy();
  std::vector<std::unique_ptr<Stranger>> silent;
  for (int n = 0; n < 200; ++n) silent.push_back(std::make_unique<Stranger>(server->port()));
  CHECK(serves(*server));
  CHECK(silent.front()->hear().empty());
  CHECK(serves(*server));
}

TEST_CASE("a page that takes its time holds up no other") {
  std::promise<void> asked, answered;
  auto server = HttpServer::listen("127.0.0.1", 0,
                                   {{"/health",
                                     [] {
                                       return HttpAnswer{200, "ok\n"};
                                     }},
                                    {"/slow", [&] {
                                       asked.set_value();
                                       answered.get_future().wait();
                                       return HttpAnswer{200, "at last\n"};
                                     }}});
  REQUIRE(server.has_value());
  Stranger slow((*server)->port());
  REQUIRE(slow.say("GET /slow HTTP/1.1\r\n\r\n"));
  asked.get_future().wait();
  CHECK(serves(**server));
  answered.set_value();
  CHECK(slow.hear().ends_with("at last\n"));
}

TEST_CASE("what is no request for a page is told so") {
  const auto server = healthy();
  const auto answer_to = [&](const std::string& words) {
    Stranger stranger(server->port());
    stranger.say(words);
    const auto heard = stranger.hear();
    return heard.substr(0, heard.find("\r\n"));
  };
  CHECK(answer_to("SSH-2.0-OpenSSH_9.2\r\n\r\n") == "HTTP/1.1 400 Bad Request");
  CHECK(answer_to(std::string("\x16\x03\x01\x02\x00\x01", 6) + "\r\n\r\n") == "HTTP/1.1 400 Bad Request");
  CHECK(answer_to("POST /health HTTP/1.1\r\n\r\n") == "HTTP/1.1 405 Method Not Allowed");
  CHECK(answer_to("GET /health?full=1 HTTP/1.0\r\n\r\n") == "HTTP/1.1 200 OK");
  httplib::Client client("127.0.0.1", server->port());
  const auto head = client.Head("/health");
  REQUIRE(head);
  CHECK(head->status == 200);
  CHECK(head->body.empty());
}
