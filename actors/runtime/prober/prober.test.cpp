#include "actors/runtime/prober/prober.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "actors/runtime/prober/exec_desk.hpp"
#include "actors/runtime/prober/probe_text.hpp"

namespace cloudless::runtime {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);
constexpr Millis kLong = 20'000;

/// A server on loopback that does with each connection what the test says, on a thread of its own.
class Server {
 public:
  using Serve = std::function<void(int connection, const std::string& request)>;

  /// `reads`: the request is read first and told; else it is the test's business.
  explicit Server(Serve serve, bool reads = true)
      : serve_(std::move(serve)), reads_(reads), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    REQUIRE(bind(listener_, raw, size) == 0);
    REQUIRE(listen(listener_, 64) == 0);
    REQUIRE(getsockname(listener_, raw, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::uint16_t port() const { return port_; }

 private:
  void run() {
    for (int connection; (connection = accept(listener_, nullptr, nullptr)) >= 0; close(connection)) {
      timeval patience{5, 0};
      setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      char bytes[4096];
      const auto n = reads_ ? recv(connection, bytes, sizeof bytes, 0) : 0;
      serve_(connection, std::string(bytes, static_cast<std::size_t>(std::max<ssize_t>(0, n))));
    }
  }

  Serve serve_;
  bool reads_;
  int listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

void say(int connection, const std::string& text) {
  (void)send(connection, text.data(), text.size(), MSG_NOSIGNAL);
}
/// Until the other side closes, or the receive time-out.
void await_close(int connection) {
  char byte = 0;
  while (recv(connection, &byte, 1, 0) > 0) {
  }
}

/// A server's end of TLS, with a certificate that it made for itself.
class Tls {
 public:
  Tls() {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    REQUIRE(X509_sign(certificate, key, EVP_sha256()) > 0);
    REQUIRE(SSL_CTX_use_certificate(context_, certificate) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(context_, key) == 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~Tls() { SSL_CTX_free(context_); }

  void answer(int connection, const std::string& text) {
    SSL* ssl = SSL_new(context_);
    SSL_set_fd(ssl, connection);
    char bytes[4096];
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, bytes, sizeof bytes) > 0)
      SSL_write(ssl, text.data(), static_cast<int>(text.size()));
    SSL_shutdown(ssl);
    SSL_free(ssl);
  }

 private:
  SSL_CTX* context_ = SSL_CTX_new(TLS_server_method());
};

/// A port that nobody listens on: it is bound, and that is all.
struct DeadPort {
  int socket_ = socket(AF_INET, SOCK_STREAM, 0);
  std::uint16_t port = 0;
  DeadPort() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
  }
  ~DeadPort() { close(socket_); }
};

/// A port at which connections are neither taken nor refused: its queue is full.
class FullPort {
 public:
  FullPort() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    REQUIRE(bind(listener_, raw, size) == 0);
    REQUIRE(listen(listener_, 0) == 0);
    REQUIRE(getsockname(listener_, raw, &size) == 0);
    port = ntohs(address.sin_port);
    for (int& filler : fillers_) {
      filler = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      (void)connect(filler, raw, size);
    }
  }
  ~FullPort() {
    for (const int filler : fillers_) close(filler);
    close(listener_);
  }
  FullPort(const FullPort&) = delete;
  FullPort& operator=(const FullPort&) = delete;

  std::uint16_t port = 0;

 private:
  int listener_;
  int fillers_[4] = {};
};

/// Commands that end when the test says so.
struct Execs {
  RunExec run() {
    return [this](ContainerId, ExecQuery query, Done<ExecResult> done) -> GiveUp {
      queries.push_back(std::move(query));
      dones.push_back(std::move(done));
      return [this] { ++given_up; };
    };
  }
  std::vector<ExecQuery> queries;
  std::vector<Done<ExecResult>> dones;
  int given_up = 0;
};

struct Bench {
  Execs execs;
  std::unique_ptr<ProbePort> prober = std::move(*make_prober(execs.run()));

  std::future<ProbeAnswer> begin(ProbeCheck check, Millis timeout = kLong, GiveUp* give_up = nullptr) {
    auto promise = std::make_shared<std::promise<ProbeAnswer>>();
    auto future = promise->get_future();
    auto end = prober->ask({ContainerId{"c"}, "127.0.0.1", std::move(check), timeout},
                           [promise](ProbeAnswer answer) { promise->set_value(std::move(answer)); });
    if (give_up) *give_up = std::move(end);
    return future;
  }
  ProbeAnswer ask(ProbeCheck check, Millis timeout = kLong) {
    auto future = begin(std::move(check), timeout);
    REQUIRE(future.wait_for(kPatience) == std::future_status::ready);
    return future.get();
  }
};

HttpCheck get(const Server& server, std::string path = "/health") {
  return {false, server.port(), std::move(path), {}};
}

std::string status_line(int status) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\n\r\n";
}

}  // namespace

TEST_CASE("200 to 399 passes, redirects included, and everything else fails with its status") {
  Bench bench;
  for (const int status : {200, 204, 301, 307, 399}) {
    CAPTURE(status);
    Server server([&](int c, const std::string&) {
      say(c, "HTTP/1.1 " + std::to_string(status) +
                 " X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    });
    CHECK(bench.ask(get(server)) == ProbeAnswer{ProbeOutcome::passed, {}});
  }
  for (const int status : {400, 404, 500, 503, 599}) {
    CAPTURE(status);
    Server server([&](int c, const std::string&) { say(c, status_line(status)); });
    CHECK(bench.ask(get(server)) ==
          ProbeAnswer{ProbeOutcome::failed, "HTTP " + std::to_string(status) + " from /health"});
  }
}

TEST_CASE("the request is a plain GET with the spec's path and headers") {
  Bench bench;
  std::promise<std::string> seen;
  Server server([&](int c, const std::string& request) {
    seen.set_value(request);
    say(c, status_line(200));
  });
  auto check = get(server, "/a/../b?c=%20d");
  check.headers = {{"Host", "web.example"}, {"X-Empty", ""}, {"User-Agent", "mine"}};
  CHECK(bench.ask(check).outcome == ProbeOutcome::passed);
  const std::string request = seen.get_future().get();
  CHECK(request.starts_with("GET /a/../b?c=%20d HTTP/1.1\r\n"));
  CHECK(request.find("\r\nHost: web.example\r\n") != std::string::npos);
  CHECK(request.find("\r\nX-Empty:\r\n") != std::string::npos);
  CHECK(request.find("\r\nUser-Agent: mine\r\n") != std::string::npos);
  CHECK(request.find("\r\nConnection: close\r\n") != std::string::npos);
}

TEST_CASE("what a failing server says is shown, cut short and made harmless") {
  Bench bench;
  Server server([](int c, const std::string&) {
    say(c, "HTTP/1.1 503 X\r\n\r\n\n database \x1b[31maway\xff\nsecond line" + std::string(5000, 'x'));
  });
  CHECK(bench.ask(get(server)).text == "HTTP 503 from /health: database ?[31maway?");
}

TEST_CASE("hostile servers: each ends in time, with a reason, and within bounds") {
  struct Case {
    const char* name;
    Server::Serve serve;
    ProbeOutcome outcome;
    const char* text;
    Millis timeout = kLong;  ///< long, where something else than time has to end it
  };
  std::atomic<bool> over = false;
  const Case cases[] = {
      {"accepts and never answers", [](int c, const std::string&) { await_close(c); }, ProbeOutcome::failed,
       "no answer from", 500},
      {"an endless body after success",
       [&](int c, const std::string&) {
         say(c, "HTTP/1.1 200 X\r\n\r\n");
         const std::string piece(4096, 'x');
         while (!over && send(c, piece.data(), piece.size(), MSG_NOSIGNAL) > 0) {
         }
       },
       ProbeOutcome::passed, ""},
      {"an endless body after failure",
       [&](int c, const std::string&) {
         say(c, "HTTP/1.1 500 X\r\n\r\n");
         const std::string piece(4096, 'x');
         while (!over && send(c, piece.data(), piece.size(), MSG_NOSIGNAL) > 0) {
         }
       },
       ProbeOutcome::failed, "HTTP 500 from /health: xxxx"},
      {"a body that never comes",
       [](int c, const std::string&) {
         say(c, "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n");
         await_close(c);
       },
       ProbeOutcome::passed, ""},
      {"endless headers",
       [&](int c, const std::string&) {
         say(c, "HTTP/1.1 200 X\r\n");
         while (!over && send(c, "a: b\r\n", 6, MSG_NOSIGNAL) > 0) {
         }
       },
       ProbeOutcome::failed, "larger than 64 KiB"},
      {"one endless header",
       [&](int c, const std::string&) {
         say(c, "HTTP/1.1 200 X\r\na: ");
         const std::string piece(4096, 'x');
         while (!over && send(c, piece.data(), piece.size(), MSG_NOSIGNAL) > 0) {
         }
       },
       ProbeOutcome::failed, "larger than 64 KiB"},
      {"interim answers for ever",
       [&](int c, const std::string&) {
         while (!over && send(c, "HTTP/1.1 102 P\r\n\r\n", 18, MSG_NOSIGNAL) > 0) {
         }
       },
       ProbeOutcome::failed, "", 500},
      {"no HTTP at all", [](int c, const std::string&) { say(c, "SSH-2.0-OpenSSH\r\n"); },
       ProbeOutcome::failed, "no answer from"},
      {"closes at once", [](int, const std::string&) {}, ProbeOutcome::failed, "without an answer"},
      {"a status that is none", [](int c, const std::string&) { say(c, "HTTP/1.1 99999 X\r\n\r\n"); },
       ProbeOutcome::failed, ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    over = false;
    Bench bench;
    Server server(c.serve);
    const auto answer = bench.ask(get(server), c.timeout);
    over = true;
    CHECK(answer.outcome == c.outcome);
    CHECK_MESSAGE(answer.text.find(c.text) != std::string::npos, answer.text);
    CHECK(answer.text.size() <= 300);
  }
}

TEST_CASE("what the strict parser does not take is asked again by libcurl, within the same time") {
  struct Case {
    const char* name;
    const char* answer;
    ProbeOutcome outcome;
  };
  for (const auto& c : {Case{"bare line feeds", "HTTP/1.0 200 OK\n\nok", ProbeOutcome::passed},
                        Case{"bare line feeds of the sick", "HTTP/1.0 500 No\n\nno", ProbeOutcome::failed},
                        Case{"no reason", "HTTP/1.1 204\r\n\r\n", ProbeOutcome::passed}}) {
    CAPTURE(c.name);
    Bench bench;
    std::atomic<int> asked = 0;
    Server server([&](int connection, const std::string&) {
      ++asked;
      say(connection, c.answer);
    });
    CHECK(bench.ask(get(server)).outcome == c.outcome);
    CHECK(asked == 2);
  }
  Bench bench;
  Server silent_again([asked = 0](int c, const std::string&) mutable {
    if (++asked == 1) return say(c, "HTTP/1.1 200 OK\n");
    await_close(c);
  });
  const auto late = bench.ask(get(silent_again), 400);
  CHECK(late.text == "no answer from 127.0.0.1:" + std::to_string(silent_again.port()) + " within 400 ms");
}

TEST_CASE("a large question reaches a server that reads slowly") {
  Bench bench;
  std::atomic<std::size_t> got = 0;
  Server server(
      [&](int c, const std::string&) {
        char bytes[512];
        // Looked for in what is new alone: a look at everything for every piece takes seconds.
        std::string end;
        std::size_t all = 0;
        while (end.find("\r\n\r\n") == std::string::npos) {
          const auto n = recv(c, bytes, sizeof bytes, 0);
          if (n <= 0) return;
          all += static_cast<std::size_t>(n);
          end.erase(0, end.size() - std::min<std::size_t>(end.size(), 3));
          end.append(bytes, static_cast<std::size_t>(n));
        }
        got = all;
        say(c, status_line(200));
      },
      false);
  auto check = get(server);
  check.headers = {{"X-Large", std::string(8 << 20, 'x')}};
  CHECK(bench.ask(check).outcome == ProbeOutcome::passed);
  CHECK(got > 8 << 20);
}

TEST_CASE("a port that nobody listens on refuses http, https, tcp and gRPC alike") {
  Bench bench;
  DeadPort dead;
  const std::string refused = "connection refused by 127.0.0.1:" + std::to_string(dead.port);
  for (const ProbeCheck& check :
       {ProbeCheck(HttpCheck{false, dead.port, "/", {}}), ProbeCheck(HttpCheck{true, dead.port, "/", {}}),
        ProbeCheck(TcpCheck{dead.port}), ProbeCheck(GrpcCheck{dead.port, {}})})
    CHECK(bench.ask(check) == ProbeAnswer{ProbeOutcome::failed, refused});
}

TEST_CASE("tcp only connects: a server that never says a word passes") {
  Bench bench;
  Server server([](int c, const std::string&) { await_close(c); });
  for (int n = 0; n < 3; ++n) CHECK(bench.ask(TcpCheck{server.port()}).outcome == ProbeOutcome::passed);
}

TEST_CASE(
    "a tcp question that nobody answers ends at its time-out, when it is given up, and with the prober") {
  Bench bench;
  FullPort full;
  const auto where = "127.0.0.1:" + std::to_string(full.port);
  auto first_late = bench.begin(TcpCheck{full.port}, 300);
  const auto late = bench.ask(TcpCheck{full.port}, 200);
  CHECK(late == ProbeAnswer{ProbeOutcome::failed, "no connection to " + where + " within 200 ms"});
  REQUIRE(first_late.wait_for(kPatience) == std::future_status::ready);
  CHECK(first_late.get().text == "no connection to " + where + " within 300 ms");
  GiveUp give_up;
  auto unwanted = bench.begin(TcpCheck{full.port}, 600'000, &give_up);
  give_up();
  give_up();
  REQUIRE(unwanted.wait_for(kPatience) == std::future_status::ready);
  CHECK(unwanted.get().outcome == ProbeOutcome::unknown);
  auto last = bench.begin(TcpCheck{full.port}, 600'000);
  bench.prober.reset();
  CHECK(last.get().outcome == ProbeOutcome::unknown);
}

TEST_CASE("a connection that cannot be opened is the container's fault unless this node lacks something") {
  CHECK(judge_no_connection("h:1", ECONNREFUSED) ==
        ProbeAnswer{ProbeOutcome::failed, "connection refused by h:1"});
  CHECK(judge_no_connection("h:1", EHOSTUNREACH) ==
        ProbeAnswer{ProbeOutcome::failed, "no connection to h:1: No route to host"});
  for (const int ours : {EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM})
    CHECK(judge_no_connection("h:1", ours).outcome == ProbeOutcome::unknown);
}

TEST_CASE("a question inherits nothing from the one before") {
  Bench bench;
  std::vector<std::string> requests;
  Server server([&](int c, const std::string& request) {
    requests.push_back(request);
    say(c, requests.size() == 1 ? "HTTP/1.1 500 X\r\n\r\nsick" : status_line(500));
  });
  auto first = get(server, "/first");
  first.headers = {{"Host", "web.example"}, {"X-Mine", "1"}};
  CHECK(bench.ask(first).text == "HTTP 500 from /first: sick");
  CHECK(bench.ask(GrpcCheck{server.port(), "db"}, 2000).outcome == ProbeOutcome::failed);
  CHECK(bench.ask(HttpCheck{true, server.port(), "/tls", {}}).outcome == ProbeOutcome::failed);
  CHECK(bench.ask(get(server, "/second")).text == "HTTP 500 from /second");
  const std::string where = "127.0.0.1:" + std::to_string(server.port());
  CHECK(requests.back() == "GET /second HTTP/1.1\r\nHost: " + where +
                               "\r\nUser-Agent: cloudless-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}

TEST_CASE("https to a server that speaks plain http fails with the reason") {
  Bench bench;
  Server server([](int c, const std::string&) { say(c, status_line(200)); });
  const auto answer = bench.ask(HttpCheck{true, server.port(), "/", {}});
  CHECK(answer.outcome == ProbeOutcome::failed);
  CHECK_MESSAGE(answer.text.find("no answer from 127.0.0.1:") != std::string::npos, answer.text);
}

TEST_CASE("https passes by its status; the certificate is not looked at") {
  Bench bench;
  Tls tls;
  Server fine([&](int c, const std::string&) { tls.answer(c, status_line(200)); }, false);
  Server sick([&](int c, const std::string&) { tls.answer(c, status_line(503)); }, false);
  CHECK(bench.ask(HttpCheck{true, fine.port(), "/", {}}) == ProbeAnswer{ProbeOutcome::passed, {}});
  CHECK(bench.ask(HttpCheck{true, sick.port(), "/x", {}}) ==
        ProbeAnswer{ProbeOutcome::failed, "HTTP 503 from /x"});
}

TEST_CASE("a gRPC server is asked by grpc.health.v1, as a whole and by service") {
  Bench bench;
  grpc::EnableDefaultHealthCheckService(true);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  grpc::CallbackGenericService nothing;  // a server needs a service; this one has no method
  builder.RegisterCallbackGenericService(&nothing);
  const auto server = builder.BuildAndStart();
  grpc::EnableDefaultHealthCheckService(false);
  REQUIRE(server);
  REQUIRE(server->GetHealthCheckService() != nullptr);
  const auto number = static_cast<std::uint16_t>(port);
  auto& health = *server->GetHealthCheckService();
  CHECK(bench.ask(GrpcCheck{number, {}}) == ProbeAnswer{ProbeOutcome::passed, {}});
  health.SetServingStatus("db", false);
  CHECK(bench.ask(GrpcCheck{number, "db"}) ==
        ProbeAnswer{ProbeOutcome::failed, "gRPC health for \"db\" is NOT_SERVING"});
  health.SetServingStatus("db", true);
  CHECK(bench.ask(GrpcCheck{number, "db"}).outcome == ProbeOutcome::passed);
  CHECK(
      bench.ask(GrpcCheck{number, "other"}) ==
      ProbeAnswer{ProbeOutcome::failed, "the gRPC health service does not know this service for \"other\""});
  CHECK(bench.ask(HttpCheck{false, number, "/", {}}).outcome == ProbeOutcome::failed);
}

TEST_CASE("a gRPC server without the health service, and a server that is none, fail with the reason") {
  Bench bench;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  grpc::CallbackGenericService nothing;  // a server needs a service; this one has no method
  builder.RegisterCallbackGenericService(&nothing);
  const auto server = builder.BuildAndStart();
  REQUIRE(server);
  CHECK(bench.ask(GrpcCheck{static_cast<std::uint16_t>(port), {}}).text ==
        "the gRPC server has no service grpc.health.v1.Health");
  Server web([](int c, const std::string&) { say(c, status_line(200)); });
  const auto answer = bench.ask(GrpcCheck{web.port(), {}}, 2000);
  CHECK(answer.outcome == ProbeOutcome::failed);
  CHECK_FALSE(answer.text.empty());
  Server silent([](int c, const std::string&) { await_close(c); });
  CHECK(bench.ask(GrpcCheck{silent.port(), {}}, 300).text.find("within 300 ms") != std::string::npos);
}

TEST_CASE("many questions are under way at once, and a silent server holds up nobody") {
  Bench bench;
  Server silent([](int c, const std::string&) { await_close(c); });
  Server lively([](int c, const std::string&) { say(c, status_line(200)); });
  std::vector<std::future<ProbeAnswer>> hanging, answered;
  for (int n = 0; n < 40; ++n) hanging.push_back(bench.begin(get(silent)));
  for (int n = 0; n < 200; ++n) answered.push_back(bench.begin(get(lively)));
  for (auto& future : answered) {
    REQUIRE(future.wait_for(kPatience) == std::future_status::ready);
    CHECK(future.get().outcome == ProbeOutcome::passed);
  }
  bench.prober.reset();
  for (auto& future : hanging) CHECK(future.get().outcome == ProbeOutcome::unknown);
}

TEST_CASE("a question that is given up is answered with unknown, once, and its connection closes") {
  Bench bench;
  std::promise<void> arrived, closed;
  Server server([&](int c, const std::string&) {
    arrived.set_value();
    await_close(c);
    closed.set_value();
  });
  GiveUp give_up;
  auto future = bench.begin(get(server), 600'000, &give_up);
  REQUIRE(arrived.get_future().wait_for(kPatience) == std::future_status::ready);
  give_up();
  give_up();
  REQUIRE(future.wait_for(kPatience) == std::future_status::ready);
  CHECK(future.get().outcome == ProbeOutcome::unknown);
  CHECK(closed.get_future().wait_for(kPatience) == std::future_status::ready);
  bench.prober.reset();
  give_up();
}

TEST_CASE("exec questions run eight at a time; the others wait in line") {
  Bench bench;
  std::vector<std::future<ProbeAnswer>> futures;
  std::vector<GiveUp> give_ups(12);
  for (std::size_t n = 0; n < 12; ++n)
    futures.push_back(bench.begin(ExecCheck{{"check", std::to_string(n)}}, 700, &give_ups[n]));
  REQUIRE(bench.execs.dones.size() == ExecDesk::kPlaces);
  CHECK(bench.execs.queries[3].command == std::vector<std::string>{"check", "3"});
  CHECK(bench.execs.queries[3].timeout == 700);
  give_ups[11]();
  CHECK(futures[11].get().outcome == ProbeOutcome::unknown);
  give_ups[2]();
  CHECK(bench.execs.given_up == 1);
  for (std::size_t n = 0; n < 11; ++n) bench.execs.dones[n](ExecResult{"", "", 0, false, false});
  CHECK(bench.execs.dones.size() == 11);
  for (std::size_t n = 0; n < 11; ++n) CHECK(futures[n].get().outcome == ProbeOutcome::passed);
}

TEST_CASE("a prober that ends answers every exec question that waits, and gives up those that run") {
  Bench bench;
  std::vector<std::future<ProbeAnswer>> futures;
  for (int n = 0; n < 10; ++n) futures.push_back(bench.begin(ExecCheck{{"check"}}));
  bench.prober.reset();
  CHECK(futures[8].get().outcome == ProbeOutcome::unknown);
  CHECK(futures[9].get().outcome == ProbeOutcome::unknown);
  CHECK(bench.execs.given_up == 8);
  for (auto& done : bench.execs.dones) done(fail(Errc::unavailable, "the agent ends"));
  CHECK(bench.execs.dones.size() == 8);
}

TEST_CASE("what an exec's result means") {
  const ExecCheck check{{"cat", "/tmp/ready"}};
  struct Case {
    Result<ExecResult> result;
    ProbeOutcome outcome;
    const char* text;
  };
  const Case cases[] = {
      {ExecResult{"", "", 0, false, false}, ProbeOutcome::passed, ""},
      {ExecResult{"", "cat: no such file\nmore", 1, false, false}, ProbeOutcome::failed,
       "exit code 1 from 'cat /tmp/ready': cat: no such file"},
      {ExecResult{"not yet\n", "", 3, false, false}, ProbeOutcome::failed,
       "exit code 3 from 'cat /tmp/ready': not yet"},
      {ExecResult{"", "", 137, true, false}, ProbeOutcome::failed,
       "'cat /tmp/ready' did not end within 500 ms"},
      {fail(Errc::failed_precondition, "no such command"), ProbeOutcome::failed,
       "'cat /tmp/ready' cannot be run: no such command"},
      {fail(Errc::not_found, "no container"), ProbeOutcome::failed,
       "'cat /tmp/ready' cannot be run: no container"},
      {fail(Errc::unavailable, "containerd is away"), ProbeOutcome::unknown,
       "'cat /tmp/ready' cannot be run: containerd is away"},
      {fail(Errc::internal, "pipes"), ProbeOutcome::unknown, "'cat /tmp/ready' cannot be run: pipes"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(judge_exec(check, 500, c.result) == ProbeAnswer{c.outcome, c.text});
  }
}

TEST_CASE("what a gRPC server's answer means") {
  const std::string serving("\0\0\0\0\2\x08\x01", 7), not_serving("\0\0\0\0\2\x08\x02", 7);
  struct Case {
    GrpcReply reply;
    ProbeOutcome outcome;
    const char* text;
  };
  using enum ProbeOutcome;
  const Case cases[] = {
      {{200, "0", "", serving}, passed, ""},
      {{200, "0", "", not_serving}, failed, "gRPC health for \"db\" is NOT_SERVING"},
      {{200, "0", "", std::string("\0\0\0\0\0", 5)}, failed, "gRPC health for \"db\" is UNKNOWN"},
      {{200, "0", "", ""}, failed, "the gRPC health service's answer cannot be read"},
      {{200, "0", "", serving + "x"}, failed, "the gRPC health service's answer cannot be read"},
      {{200, "0", "", std::string("\1", 1) + serving.substr(1)},
       failed,
       "the gRPC health service's answer cannot be read"},
      {{200, "0", "", std::string("\0\xff\xff\xff\xff\x08\x01", 7)},
       failed,
       "the gRPC health service's answer cannot be read"},
      {{200, "5", "unknown", ""}, failed, "the gRPC health service does not know this service for \"db\""},
      {{200, "12", "", ""}, failed, "the gRPC server has no service grpc.health.v1.Health"},
      {{200, "14", "later", serving}, failed, "gRPC status 14 for \"db\": later"},
      {{200, "", "", serving}, failed, "gRPC status missing for \"db\""},
      {{404, "", "", ""}, failed, "HTTP 404 instead of an answer of gRPC"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(judge_grpc({80, "db"}, c.reply) == ProbeAnswer{c.outcome, c.text});
  }
  CHECK(grpc_request({80, ""}) == std::string(5, '\0'));
  CHECK(grpc_request({80, "db"}) == std::string("\0\0\0\0\4\x0a\2db", 9));
}

}  // namespace cloudless::runtime
