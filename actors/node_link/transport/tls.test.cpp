#include "actors/node_link/transport/tls.hpp"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "actors/node_link/transport/socket.hpp"

namespace cloudless::node_link {
namespace {

using Side = TlsSession::Side;
using Progress = TlsSession::Progress;

const std::string kKey(32, 'k');

/// Two connected, non-blocking sockets.
struct Pair {
  Pair() {
    std::array<int, 2> both{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both.data()) == 0);
    client = Socket{both[0]};
    server = Socket{both[1]};
  }
  Socket client, server;
};

bool goes_on(Progress progress) {
  return progress == Progress::wants_read || progress == Progress::wants_write;
}

/// In turns until neither end waits for the other any more, or one has failed.
std::pair<Progress, Progress> shake_hands(TlsSession& client, TlsSession& server) {
  auto there = Progress::wants_read, here = Progress::wants_read;
  for (int turn = 0; turn < 100 && there != Progress::failed && here != Progress::failed; ++turn) {
    if (goes_on(there)) there = client.handshake();
    if (goes_on(here)) here = server.handshake();
  }
  return {there, here};
}

/// Whatever OpenSSL offers to a server or a client that has a certificate and no key of ours.
class WithCertificate {
 public:
  WithCertificate(bool serves, int fd) {
    X509_gmtime_adj(X509_getm_notBefore(certificate_), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600);
    X509_set_pubkey(certificate_, key_);
    X509_sign(certificate_, key_, EVP_sha256());
    SSL_CTX_use_certificate(context_, certificate_);
    SSL_CTX_use_PrivateKey(context_, key_);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd);
    serves ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
  }
  ~WithCertificate() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  void shake_hands() { SSL_do_handshake(ssl_); }

 private:
  SSL_CTX* context_ = SSL_CTX_new(TLS_method());
  X509* certificate_ = X509_new();
  EVP_PKEY* key_ = EVP_RSA_gen(2048);
  SSL* ssl_ = nullptr;
};

TEST_CASE("two ends with one key understand each other, and nobody who listens does") {
  Pair pair;
  TlsSession client(Side::client, pair.client.fd(), kKey), server(Side::server, pair.server.fd(), kKey);
  REQUIRE(shake_hands(client, server) == std::pair(Progress::done, Progress::done));

  const std::string text = "workload api, image registry.example/api:v1";
  CHECK(client.write(text.data(), text.size()).bytes == text.size());
  std::array<char, 4096> wire{};
  const auto seen = ::recv(pair.server.fd(), wire.data(), wire.size(), MSG_PEEK);
  REQUIRE(seen > 0);
  CHECK(std::string(wire.data(), static_cast<std::size_t>(seen)).find("registry") == std::string::npos);
  // Less than was sent: the rest makes no event of the socket, and is there.
  std::string got(text.size(), ' ');
  CHECK(server.read(got.data(), 8).bytes == 8);
  CHECK(server.pending() == text.size() - 8);
  CHECK(server.read(got.data() + 8, 1000).bytes == text.size() - 8);
  CHECK(got == text);
  const auto nothing = server.read(got.data(), got.size());
  CHECK(nothing.bytes == 0);
  CHECK(nothing.alive);

  pair.client = Socket{};
  CHECK_FALSE(server.read(got.data(), got.size()).alive);
}

TEST_CASE("much passes both ways while neither end waits") {
  Pair pair;
  TlsSession client(Side::client, pair.client.fd(), kKey), server(Side::server, pair.server.fd(), kKey);
  REQUIRE(shake_hands(client, server) == std::pair(Progress::done, Progress::done));
  constexpr std::size_t kBytes = 4 << 20;
  const std::string sent(kBytes, 'x');
  // Until the socket takes no more, and until there is no more.
  const auto write = [&](TlsSession& from, std::size_t& written) {
    std::size_t bytes = 1;
    while (written < kBytes && bytes > 0) {
      bytes = from.write(sent.data() + written, kBytes - written).bytes;
      written += bytes;
    }
    return bytes == 0;
  };
  std::string buffer(50000, ' ');
  const auto drain = [&](TlsSession& into, std::size_t& read) {
    for (std::size_t bytes = 1; bytes > 0; read += bytes)
      bytes = into.read(buffer.data(), buffer.size()).bytes;
  };
  std::size_t written = 0, back_written = 0, read = 0, back_read = 0;
  bool was_full = false;
  for (int turn = 0; turn < 10000 && (read < kBytes || back_read < kBytes); ++turn) {
    was_full = write(client, written) || was_full;
    was_full = write(server, back_written) || was_full;
    drain(server, read);
    drain(client, back_read);
  }
  CHECK(read == kBytes);
  CHECK(back_read == kBytes);
  CHECK(was_full);
}

TEST_CASE("another key, a certificate instead of one, and what is no TLS are refused") {
  Pair pair;
  TlsSession server(Side::server, pair.server.fd(), kKey);
  SUBCASE("another key") {
    TlsSession client(Side::client, pair.client.fd(), std::string(32, 'o'));
    CHECK(shake_hands(client, server).second == Progress::failed);
  }
  SUBCASE("a client with a certificate") {
    WithCertificate client(false, pair.client.fd());
    client.shake_hands();
    CHECK(server.handshake() == Progress::failed);
  }
  SUBCASE("a server with a certificate") {
    TlsSession client(Side::client, pair.client.fd(), kKey);
    WithCertificate other(true, pair.server.fd());
    CHECK(client.handshake() == Progress::wants_read);
    other.shake_hands();
    CHECK(client.handshake() == Progress::failed);
  }
  SUBCASE("no TLS") {
    const std::string words = "GET / HTTP/1.1\r\n\r\n";
    REQUIRE(::send(pair.client.fd(), words.data(), words.size(), 0) > 0);
    CHECK(server.handshake() == Progress::failed);
  }
  SUBCASE("an end that goes") {
    pair.client = Socket{};
    CHECK(server.handshake() == Progress::failed);
  }
}

TEST_CASE(
    "a byte changed on the way ends the connection, and what was written to one that went is no signal") {
  Pair pair;
  TlsSession client(Side::client, pair.client.fd(), kKey), server(Side::server, pair.server.fd(), kKey);
  REQUIRE(shake_hands(client, server) == std::pair(Progress::done, Progress::done));
  std::array<char, 200> bytes{};
  REQUIRE(client.write(bytes.data(), bytes.size()).bytes == bytes.size());
  std::array<char, 4096> wire{};
  const auto count = ::recv(pair.server.fd(), wire.data(), wire.size(), 0);
  REQUIRE(count > 100);
  wire[100] = static_cast<char>(wire[100] ^ 1);
  // Back into the same direction: the client's socket is where the server reads from.
  REQUIRE(::send(pair.client.fd(), wire.data(), static_cast<std::size_t>(count), 0) == count);
  CHECK_FALSE(server.read(bytes.data(), bytes.size()).alive);
  pair.server = Socket{};
  CHECK_FALSE(client.write(bytes.data(), bytes.size()).alive);
}

}  // namespace
}  // namespace cloudless::node_link
