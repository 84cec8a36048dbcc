#include <doctest/doctest.h>

#include "actors/owner/owner_fixture.test.hpp"
#include "actors/secrets/seal.hpp"
#include "actors/secrets/secret_command.hpp"
#include "actors/secrets/secrets_actor.hpp"

namespace cloudless::secrets {
namespace {

const std::string kKey(kKeyBytes, 'k');
const std::string kNonce(kNonceBytes, 'n');

SecretCommand put_command(std::string password, Revision expected = 0) {
  return {{"somebody", "PutSecret", "default", {}, {}},
          PutSecret{"default", "registry", {"registry.example", "robot", std::move(password)}, expected}};
}
SecretCommand delete_command(Revision expected = 0) {
  return {{"somebody", "DeleteSecret", "default", {}, {}}, DeleteSecret{"default", "registry", expected}};
}

TEST_CASE("what is sealed opens with its key, under its path, unchanged, and not otherwise") {
  for (const std::string& plain : {std::string(), std::string("x"), std::string(10000, '\0')}) {
    const auto sealed = seal(kKey, kNonce, "secret/a/b", plain);
    REQUIRE(sealed.has_value());
    CHECK(unseal(kKey, "secret/a/b", *sealed) == plain);
    CHECK_FALSE(unseal(std::string(kKeyBytes, 'K'), "secret/a/b", *sealed).has_value());
    CHECK_FALSE(unseal(kKey, "secret/a/c", *sealed).has_value());
    for (std::size_t i = 0; i < sealed->size(); i += 1 + sealed->size() / 50) {
      auto changed = *sealed;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      CHECK_FALSE(unseal(kKey, "secret/a/b", changed).has_value());
    }
    for (const std::size_t size : {std::size_t{0}, std::size_t{5}, sealed->size() - 1})
      CHECK_FALSE(unseal(kKey, "secret/a/b", sealed->substr(0, size)).has_value());
  }
  CHECK_FALSE(seal("short", kNonce, "p", "x").has_value());
}

class SecretsTest {
 public:
  SecretsTest() { begin(); }
  void begin(const std::string& key = kKey) {
    life.reset();
    life = std::make_unique<owner::OwnerLife<secrets_actor>>(
        contents, clock, [this, key](caf::actor_system& system, const store_actor& store, const Clock& time) {
          return spawn_secrets(system, store, time, {key, [this](std::size_t size) {
                                                       return std::string(size, static_cast<char>(++drawn));
                                                     }});
        });
    life->pass(10);
  }
  Result<SecretReply> tell(const SecretCommand& command) {
    const auto answer = life->ask<Carried<SecretReply>>(Carried<SecretCommand>(command));
    life->pass(10);
    REQUIRE(answer->has_value());
    if (!**answer) return fail((*answer)->error());
    return ****answer;
  }

  std::shared_ptr<store::MemoryContents> contents = std::make_shared<store::MemoryContents>();
  owner::VirtualClock clock;
  int drawn = 0;
  std::unique_ptr<owner::OwnerLife<secrets_actor>> life;
};

TEST_CASE_FIXTURE(SecretsTest, "a secret is stored sealed, outlives a restart, and its answer has no value") {
  const auto put = tell(put_command("correct horse"));
  REQUIRE(put.has_value());
  CHECK(put->secret.sealed.empty());
  CHECK(put->secret.server == "registry.example");
  CHECK(put->store_revision > 0);
  begin();
  const auto stored = life->published()->secret("default", "registry");
  REQUIRE(stored);
  CHECK(stored->revision == put->secret.revision);
  CHECK(stored->sealed.find("correct horse") == std::string::npos);
  CHECK(codec::encode(Record(stored)).find("robot") == std::string::npos);
  const auto opened = open(*stored, kKey);
  REQUIRE(opened.has_value());
  CHECK(*opened == RegistryCredentials{"registry.example", "robot", "correct horse"});
  CHECK(open(*stored, std::string(kKeyBytes, 'x')).error().code == Errc::data_loss);
}

TEST_CASE_FIXTURE(SecretsTest, "putting again replaces the value and keeps the date of birth") {
  const auto first = tell(put_command("one"));
  REQUIRE(first.has_value());
  clock.elapsed += 5000;
  const auto second = tell(put_command("two"));
  REQUIRE(second.has_value());
  CHECK(second->secret.revision > first->secret.revision);
  CHECK(second->secret.created_at == first->secret.created_at);
  CHECK(second->secret.updated_at > first->secret.updated_at);
  CHECK(open(*life->published()->secret("default", "registry"), kKey)->password == "two");
}

TEST_CASE_FIXTURE(SecretsTest, "compare and set, and deleting") {
  CHECK(tell(delete_command()).error().code == Errc::not_found);
  CHECK(tell(put_command("one", 5)).error().code == Errc::aborted);
  const auto put = tell(put_command("one"));
  REQUIRE(put.has_value());
  CHECK(tell(put_command("two", put->secret.revision + 1)).error().code == Errc::aborted);
  CHECK(tell(delete_command(put->secret.revision + 1)).error().code == Errc::aborted);
  REQUIRE(tell(delete_command(put->secret.revision)).has_value());
  CHECK_FALSE(life->published()->secret("default", "registry"));
}

}  // namespace
}  // namespace cloudless::secrets
