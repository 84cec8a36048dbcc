#include "messages/codec/check_pull_secrets.hpp"

#include <doctest/doctest.h>

#include "messages/codec/api_spec.hpp"

namespace cloudless::codec {
namespace {

std::vector<std::string> bad_pull_secrets(const std::vector<std::string>& names) {
  api::WorkloadSpec spec;
  for (const auto& name : names) spec.add_image_pull_secrets(name);
  Violations v;
  check_pull_secrets(spec, "spec", v);
  std::vector<std::string> paths;
  if (const auto error = v.error("test"))
    for (const auto& one : error->violations) paths.push_back(one.path);
  return paths;
}

TEST_CASE("pull secrets are named as secrets are, at most 16, each once") {
  using Paths = std::vector<std::string>;
  CHECK(bad_pull_secrets({}).empty());
  CHECK(bad_pull_secrets({"a", "registry-1"}).empty());
  CHECK(bad_pull_secrets({"a", ""}) == Paths{"spec.image_pull_secrets[1]"});
  CHECK(bad_pull_secrets({"Upper"}) == Paths{"spec.image_pull_secrets[0]"});
  CHECK(bad_pull_secrets({"a/b"}) == Paths{"spec.image_pull_secrets[0]"});
  CHECK(bad_pull_secrets({"a", "b", "a"}) == Paths{"spec.image_pull_secrets[2]"});
  std::vector<std::string> many;
  for (int i = 0; i < 17; ++i) many.push_back("s" + std::to_string(i));
  CHECK(bad_pull_secrets(many) == Paths{"spec.image_pull_secrets"});
}

TEST_CASE("a spec with pull secrets is taken with them") {
  api::WorkloadSpec spec;
  spec.set_image("registry.example:5000/app:v1");
  spec.add_image_pull_secrets("registry");
  const auto parsed = parse_spec(spec);
  REQUIRE(parsed.has_value());
  CHECK(parsed->pod.image_pull_secrets == std::vector<std::string>{"registry"});
}

}  // namespace
}  // namespace cloudless::codec
