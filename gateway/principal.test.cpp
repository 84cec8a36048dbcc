#include "gateway/principal.hpp"

#include <doctest/doctest.h>
#include <grpcpp/grpcpp.h>

#include "gateway/gateway_fixture.test.hpp"
#include "messages/codec/utf8.hpp"
#include "services/settings/made_certificates.test.hpp"

using namespace cloudless;
using namespace cloudless::gateway;
using namespace cloudless::gateway::test;

namespace {

const cloudless::test::MadeAuthority& authority() {
  static const cloudless::test::MadeAuthority one("clients");
  return one;
}

/// What an owner is told of a caller with this certificate.
std::string principal_of_call(Fixture& f, std::uint16_t port,
                              const cloudless::test::MadeCertificate& client) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel = grpc::CreateCustomChannel(
      "127.0.0.1:" + std::to_string(port),
      grpc::SslCredentials({authority().certificate(), client.key, client.certificate}), arguments);
  const auto stub = api::CoordinatorService::NewStub(channel);
  api::DeleteWorkloadRequest request;
  request.set_name("web");
  api::DeleteWorkloadReply reply;
  CallContext context;
  const auto status = stub->DeleteWorkload(&context, request, &reply);
  CHECK_MESSAGE(status.error_code() == grpc::StatusCode::NOT_FOUND, status.error_message());
  return f.script.with([](Script& s) {
    REQUIRE_FALSE(s.commands.empty());
    auto principal = s.commands.back().context.principal;
    s.commands.clear();
    return principal;
  });
}

}  // namespace

TEST_CASE("a principal is the certificate's name where that can be printed, else its fingerprint") {
  const auto certificate = authority().issue({"somebody", {}}).certificate;
  for (const std::string name :
       {"ann", "Ann Other", "ann@example.org", "spiffe://example.org/ns/a", "J\xc3\xbcrgen"})
    CHECK(principal_name(name, certificate) == name);
  CHECK(principal_name(std::string(kMaxName, 'a'), certificate) == std::string(kMaxName, 'a'));
  for (const std::string& name :
       {std::string{}, std::string(kMaxName + 1, 'a'), std::string("an\nn"), std::string("ann\x1b[2J"),
        std::string("a\0b", 3), std::string("\x7f"), std::string("J\xfcrgen"), std::string("a\xc2\x85"),
        std::string("a\xe2\x80\xae"
                    "b"),
        std::string("\xe2\x80\xa8"), std::string("a\xe2\x81\xa6"),
        std::string("\xef\xbb\xbf"
                    "a")}) {
    CAPTURE(codec::valid_utf8(name));
    const auto principal = principal_name(name, certificate);
    CHECK(principal.size() == std::string_view("certificate ").size() + 64);
    CHECK(principal.find_first_not_of("certificate 0123456789abcdef") == std::string::npos);
    CHECK(principal != principal_name(name, authority().certificate()));
  }
  CHECK(principal_name("\n", "no certificate") == "certificate without a name");
}

TEST_CASE(
    "gateway: owners are told the first alternative name of the caller's certificate, else its common name") {
  Fixture f;
  f.commit({});
  f.script.with([](Script& s) {
    s.on_command = [](const WorkloadCommand&) -> caf::result<Carried<CommandReply>> {
      return to_caf({Errc::not_found, "workload web does not exist", {}});
    };
  });
  const auto own = authority().issue({"api", "IP:127.0.0.1"});
  auto server = Server::start({f.system, f.mirror, f.owners, f.clock, f.method_metrics},
                              {"127.0.0.1:0", own.certificate, own.key, authority().certificate()});
  REQUIRE(server.has_value());
  struct Case {
    cloudless::test::WantedCertificate wanted;
    std::string principal;
  };
  const Case cases[] = {{{"ann", {}}, "ann"},
                        {{"ann", "DNS:ann.example.org,DNS:other"}, "ann.example.org"},
                        {{"ann", "email:ann@example.org"}, "ann@example.org"},
                        {{{}, "URI:spiffe://example.org/ann"}, "spiffe://example.org/ann"},
                        {{"J\xc3\xbcrgen", {}}, "J\xc3\xbcrgen"}};
  for (const auto& c : cases) {
    CAPTURE(c.principal);
    CHECK(principal_of_call(f, (*server)->port(), authority().issue(c.wanted)) == c.principal);
  }
  for (const std::string& odd : {std::string{}, std::string("ann\nroot ran \"sh\"")})
    CHECK(principal_of_call(f, (*server)->port(), authority().issue({odd, {}})).find("certificate ") == 0);
}
