#include "messages/codec/api_secret.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

namespace cloudless::codec {
namespace {

api::PutSecretRequest good_put() {
  api::PutSecretRequest request;
  request.set_name("registry");
  request.mutable_registry()->set_server("registry.example:5000");
  request.mutable_registry()->set_username("robot");
  request.mutable_registry()->set_password("correct horse");
  return request;
}

TEST_CASE("a secret is put with everything that was said, in the default namespace") {
  auto request = good_put();
  request.set_expected_revision(7);
  const auto command = parse_command(request, "somebody");
  REQUIRE(command.has_value());
  CHECK(command->context.principal == "somebody");
  CHECK(command->context.idempotency_key.empty());
  const auto& put = std::get<PutSecret>(command->action);
  CHECK(put == PutSecret{"default", "registry", {"registry.example:5000", "robot", "correct horse"}, 7});
}

TEST_CASE("every bad field of a secret is named, and its value is in no message") {
  const struct {
    const char* what;
    std::function<void(api::PutSecretRequest&)> spoil;
    const char* path;
  } cases[] = {
      {"no name", [](auto& r) { r.clear_name(); }, "name"},
      {"a bad name", [](auto& r) { r.set_name("A"); }, "name"},
      {"a bad namespace", [](auto& r) { r.set_namespace_("a.b"); }, "namespace"},
      {"no value", [](auto& r) { r.clear_registry(); }, "registry"},
      {"no server", [](auto& r) { r.mutable_registry()->clear_server(); }, "registry.server"},
      {"a URL", [](auto& r) { r.mutable_registry()->set_server("https://a.b/"); }, "registry.server"},
      {"no user", [](auto& r) { r.mutable_registry()->clear_username(); }, "registry.username"},
      {"a colon", [](auto& r) { r.mutable_registry()->set_username("a:b"); }, "registry.username"},
      {"no password", [](auto& r) { r.mutable_registry()->clear_password(); }, "registry.password"},
      {"a line break", [](auto& r) { r.mutable_registry()->set_password("hunter2\n"); }, "registry.password"},
      {"too long", [](auto& r) { r.mutable_registry()->set_password(std::string(8193, 'x')); },
       "registry.password"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.what);
    auto request = good_put();
    c.spoil(request);
    const auto command = parse_command(request, "somebody");
    REQUIRE_FALSE(command.has_value());
    CHECK(command.error().code == Errc::invalid_argument);
    REQUIRE(command.error().violations.size() == 1);
    CHECK(command.error().violations[0].path == c.path);
    for (const char* value : {"correct horse", "hunter2", "xxxx"}) {
      CHECK(command.error().message.find(value) == std::string::npos);
      CHECK(command.error().violations[0].reason.find(value) == std::string::npos);
    }
  }
}

TEST_CASE("what is answered has no value") {
  Secret secret{"default", "registry", 4, "registry.example:5000", "sealed bytes", 1000, 2000};
  const auto out = to_api(secret, 9);
  std::string text;
  google::protobuf::TextFormat::PrintToString(out, &text);
  CHECK(out.name() == "registry");
  CHECK(out.server() == "registry.example:5000");
  CHECK(text.find("sealed bytes") == std::string::npos);
}

}  // namespace
}  // namespace cloudless::codec
