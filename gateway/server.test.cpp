#include "gateway/server.hpp"

#include <doctest/doctest.h>
#include <grpcpp/generic/generic_stub.h>

#include <future>

#include "gateway/gateway_fixture.test.hpp"

using namespace cloudless;
using namespace cloudless::gateway;
using namespace cloudless::gateway::test;

namespace {

/// A call of a service that we have no stubs of: bytes in, bytes out. An error's message begins with gRPC's
/// code.
Result<std::string> call_raw(Fixture& f, const std::string& method, const std::string& bytes) {
  grpc::GenericStub stub(f.channel);
  grpc::CompletionQueue queue;
  CallContext context;
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
  grpc::ByteBuffer reply;
  grpc::Status status;
  call->StartCall();
  call->Finish(&reply, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  if (!status.ok())
    return fail(Errc::internal, std::to_string(status.error_code()) + " " + status.error_message());
  std::vector<grpc::Slice> slices;
  REQUIRE(reply.Dump(&slices).ok());
  std::string out;
  for (const auto& s : slices) out.append(reinterpret_cast<const char*>(s.begin()), s.size());
  return out;
}

}  // namespace

TEST_CASE("gateway: health, reflection and channelz answer") {
  Fixture f;
  f.commit({});
  const auto health = call_raw(f, "/grpc.health.v1.Health/Check", "");
  REQUIRE(health.has_value());
  CHECK(*health == "\x08\x01");  // status: SERVING
  const std::string service = "cloudless.api.CoordinatorService";
  const auto by_name = call_raw(f, "/grpc.health.v1.Health/Check",
                                std::string("\x0a") + static_cast<char>(service.size()) + service);
  if (!by_name) FAIL(by_name.error().message);
  CHECK(*by_name == "\x08\x01");
  // list_services: ""
  const auto services = call_raw(f, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                 std::string("\x3a\x00", 2));
  REQUIRE(services.has_value());
  CHECK(services->find("cloudless.api.CoordinatorService") != std::string::npos);
  // file_containing_symbol
  const std::string symbol = "cloudless.api.CoordinatorService";
  const auto file = call_raw(f, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                             std::string("\x22") + static_cast<char>(symbol.size()) + symbol);
  REQUIRE(file.has_value());
  CHECK(file->find("CreateWorkload") != std::string::npos);
  const auto servers = call_raw(f, "/grpc.channelz.v1.Channelz/GetServers", "");
  REQUIRE(servers.has_value());
  CHECK_FALSE(servers->empty());
}

TEST_CASE(
    "gateway: a request that cannot be decoded is INVALID_ARGUMENT, a method that is not there "
    "UNIMPLEMENTED") {
  Fixture f;
  f.commit({});
  const std::string service = "/cloudless.api.CoordinatorService/";
  const std::string cut_off =
      "\x0a\x05"
      "ab";
  const std::string no_utf8 = "\x12\x02\xff\xfe";
  struct Case {
    std::string method, bytes, expected;
  };
  for (const auto& c :
       {Case{"CreateWorkload", cut_off,
             "3 CreateWorkload: the request is not a cloudless.api.CreateWorkloadRequest"},
        Case{"CreateWorkload", no_utf8, "3 CreateWorkload"}, Case{"GetWorkload", cut_off, "3 GetWorkload"},
        Case{"WatchWorkloads", cut_off, "3 WatchWorkloads"}, Case{"Nonsense", "", "12 "}}) {
    CAPTURE(c.method);
    const auto answer = call_raw(f, service + c.method, c.bytes);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().message.substr(0, c.expected.size()) == c.expected);
  }
}

TEST_CASE("gateway: an address that is taken is refused") {
  Fixture f;
  const auto second = Server::start({f.system, f.mirror, f.owners, f.clock, f.method_metrics},
                                    {"127.0.0.1:" + std::to_string(f.server->port()), {}, {}, {}});
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::unavailable);
}

TEST_CASE("gateway: a server that stops ends the watches that are open") {
  Fixture f;
  f.commit({});
  grpc::ClientContext context;
  auto reader = f.stub->WatchWorkloads(&context, {});
  api::WatchWorkloadsReply reply;
  REQUIRE(reader->Read(&reply));
  f.mirror->close();
  while (reader->Read(&reply)) {
  }
  CHECK(reader->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
}
