#include "services/cloudlessctl/handshake.hpp"

#include <doctest/doctest.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/cloudlessctl/client.hpp"
#include "services/cloudlessctl/fake_server.test.hpp"
#include "services/settings/made_certificates.test.hpp"

namespace cloudless::cli {
namespace {

using test::MadeAuthority;
using test::MadeCertificate;

const MadeAuthority& servers() {
  static const MadeAuthority one("servers");
  return one;
}
const MadeAuthority& clients() {
  static const MadeAuthority one("clients");
  return one;
}

std::shared_ptr<grpc::ServerCredentials> credentials(const MadeCertificate& own,
                                                     const std::string& client_ca = {}) {
  grpc::SslServerCredentialsOptions options(client_ca.empty()
                                                ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = client_ca;
  options.pem_key_cert_pairs.push_back({own.key, own.certificate});
  return grpc::SslServerCredentials(options);
}

MadeCertificate usual() {
  return servers().issue({"api", "DNS:api.example,IP:127.0.0.1"});
}

Endpoint with_tls(const FakeServer& server, const std::string& ca, const MadeCertificate& own = {},
                  const std::string& name = "127.0.0.1") {
  return {server.address(),
          name,
          true,
          {"--ca", "ca.pem", ca},
          {"--cert", "own.pem", own.certificate},
          {"--key", "own.key", own.key}};
}
Endpoint plain(const FakeServer& server) {
  return {server.address(), "127.0.0.1"};
}

/// What a user reads after a call: the server's answer to it, or why there is none.
std::string said(const Endpoint& endpoint) {
  Client client(endpoint, std::chrono::seconds(30));
  const auto reply = client.call(&Client::Service::Stub::ListNodes, {});
  if (reply) return "OK";
  const auto failure = client.explained(reply.error());
  CHECK(failure.code == grpc::StatusCode::UNAVAILABLE);
  return failure.message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("calls go through TLS, with a certificate of ours where the server wants one") {
  FakeServer open(credentials(usual()));
  CHECK(said(with_tls(open, servers().certificate())) == "OK");
  CHECK(said(with_tls(open, servers().certificate(), clients().issue({"ann", {}}))) == "OK");
  CHECK(said(with_tls(open, clients().certificate() + servers().certificate(), {}, "api.example")) == "OK");
  CHECK(handshake_trouble(with_tls(open, servers().certificate())).empty());
  FakeServer closed(credentials(usual(), clients().certificate()));
  const auto ann = with_tls(closed, servers().certificate(), clients().issue({"ann", {}}));
  CHECK(said(ann) == "OK");
  CHECK(handshake_trouble(ann).empty());
  FakeServer bare;
  CHECK(said(plain(bare)) == "OK");
  CHECK(handshake_trouble(plain(bare)).empty());
}

TEST_CASE("certificates of an authority in between are taken, on both sides") {
  const MadeAuthority server_between("between", &servers());
  const MadeAuthority client_between("also between", &clients());
  auto own = server_between.issue({"api", "IP:127.0.0.1"});
  own.certificate += server_between.certificate();
  auto ann = client_between.issue({"ann", {}});
  FakeServer server(credentials(own, clients().certificate()));
  auto text = said(with_tls(server, servers().certificate(), ann));
  CHECK(contains(text,
                 "it is of authority \"CN=also between\", and it must be one of authority \"CN=clients\""));
  ann.certificate += client_between.certificate();
  CHECK(said(with_tls(server, servers().certificate(), ann)) == "OK");
  CHECK(handshake_trouble(with_tls(server, servers().certificate(), ann)).empty());
  // What is between may be trusted without what is above it.
  CHECK(said(with_tls(server, server_between.certificate(), ann)) == "OK");
  text = said(with_tls(server, server_between.certificate(), ann, "web.example"));
  CHECK(contains(text, "is not for \"web.example\""));
  CHECK(contains(said(with_tls(server, servers().certificate(), clients().issue({"ann", {}, -60}))),
                 "good until"));
}

TEST_CASE("a server's certificate that is not taken is told with the reason") {
  FakeServer server(credentials(usual()));
  auto text = said(with_tls(server, clients().certificate()));
  CHECK(contains(text, "the server at " + server.address() +
                           " has a certificate that --ca ca.pem does not vouch for: "));
  CHECK(contains(text, "subject \"CN=api\", issuer \"CN=servers\""));
  text = said(with_tls(server, servers().certificate(), {}, "web.example"));
  CHECK(contains(text, "is not for \"web.example\" but for DNS:api.example, IP Address:127.0.0.1. "));
  CHECK(contains(text, "--server-name"));
  CHECK(contains(said(with_tls(server, servers().certificate(), {}, "10.0.0.1")),
                 "is not for \"10.0.0.1\" but for"));
  FakeServer old(credentials(servers().issue({"api", "IP:127.0.0.1", -60})));
  CHECK(contains(said(with_tls(old, servers().certificate())),
                 "has a certificate that is over: that of \"CN=api\" was good until 20"));
  FakeServer odd(credentials(servers().issue({"a\x1b[2J", "DNS:a"})));
  text = said(with_tls(odd, clients().certificate()));
  CHECK(contains(text, "does not vouch for"));
  CHECK_FALSE(contains(text, "\x1b"));
}

TEST_CASE("a certificate of ours that is missing or not taken is told with the reason") {
  FakeServer server(credentials(usual(), clients().certificate()));
  auto text = said(with_tls(server, servers().certificate()));
  CHECK(text ==
        "the server at " + server.address() +
            " wants a certificate of its clients: give --cert and --key, one of authority \"CN=clients\"");
  text = said(with_tls(server, servers().certificate(), servers().issue({"ann", {}})));
  CHECK(text ==
        "the server at " + server.address() +
            " does not accept --cert own.pem: it is of authority \"CN=servers\", and it must be one of "
            "authority \"CN=clients\"");
  text = said(with_tls(server, servers().certificate(), clients().issue({"ann", {}, -60})));
  CHECK(contains(text, "does not accept --cert own.pem: it was good until 20"));
  const MadeAuthority impostor("clients");
  text = said(with_tls(server, servers().certificate(), impostor.issue({"ann", {}})));
  CHECK(contains(text, "does not accept --cert own.pem: "));
}

TEST_CASE("plain text and TLS that meet each other are told, whichever is whose") {
  FakeServer bare;
  CHECK(contains(said(with_tls(bare, servers().certificate())),
                 "the server at " + bare.address() + " speaks plain text, and --ca asks for TLS"));
  for (const auto& client_ca : {std::string{}, clients().certificate()}) {
    FakeServer server(credentials(usual(), client_ca));
    CHECK(said(plain(server)) ==
          "the server at " + server.address() +
              " speaks TLS: give --ca, the file with the authority of its certificate");
  }
}

TEST_CASE("a look at a server that is not there, or says nothing, ends, and blames nothing") {
  const auto nobody = Endpoint{"127.0.0.1:1", "127.0.0.1", true, {"--ca", "f", servers().certificate()}};
  CHECK(handshake_trouble(nobody).empty());
  CHECK(contains(said(nobody), "failed to connect"));

  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(bind(silent, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(listen(silent, 4) == 0);
  REQUIRE(getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  Endpoint endpoint{"127.0.0.1:" + std::to_string(ntohs(address.sin_port)), "127.0.0.1"};
  CHECK(handshake_trouble(endpoint, std::chrono::milliseconds(50)).empty());
  endpoint.tls = true;
  endpoint.ca.text = servers().certificate();
  CHECK(handshake_trouble(endpoint, std::chrono::milliseconds(50)).empty());
  close(silent);
}

}  // namespace cloudless::cli
