#include "actors/runtime/containerd/image.hpp"

#include <doctest/doctest.h>

#include <utility>

namespace cloudless::runtime {
namespace {

TEST_CASE("short image names become whole ones, as Docker does it") {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"busybox", "docker.io/library/busybox:latest"},
      {"busybox:1.35", "docker.io/library/busybox:1.35"},
      {"team/web", "docker.io/team/web:latest"},
      {"docker.io/busybox", "docker.io/library/busybox:latest"},
      {"localhost/web", "localhost/web:latest"},
      {"localhost:5000/web:v1", "localhost:5000/web:v1"},
      {"127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c:latest"},
      {"registry.example.org/web@sha256:abc", "registry.example.org/web@sha256:abc"},
      {"registry.example.org/web:v1@sha256:abc", "registry.example.org/web:v1@sha256:abc"},
  };
  for (const auto& [given, expected] : cases) {
    CAPTURE(given);
    const auto name = full_image_name(given);
    REQUIRE(name.has_value());
    CHECK(*name == expected);
    CHECK(*full_image_name(*name) == expected);  // whole names stay as they are
  }
}

TEST_CASE("what is no image name is refused with the reason") {
  for (const char* given : {"", "Web", "web:", "host.org/", "a b", ":v1"}) {
    CAPTURE(given);
    const auto name = full_image_name(given);
    REQUIRE_FALSE(name.has_value());
    CHECK(name.error().code == Errc::invalid_argument);
  }
}

TEST_CASE("a manifest gives its config and layers in order") {
  const auto manifest = parse_manifest(
      R"({"schemaVersion":2,"config":{"digest":"sha256:c","size":10},"layers":[{"mediaType":"tar","digest":"sha256:1","size":1},
      {"mediaType":"tar","digest":"sha256:2","size":2}]})",
      "amd64");
  REQUIRE(manifest.has_value());
  CHECK(manifest->config == Blob{"", "sha256:c", 10});
  CHECK(manifest->layers == std::vector<Blob>{{"tar", "sha256:1", 1}, {"tar", "sha256:2", 2}});
  CHECK(manifest->for_this_machine.digest.empty());
}

TEST_CASE("an index leads to the variant for this machine, or says that there is none") {
  const char* index = R"({"manifests":[
      {"digest":"sha256:w","platform":{"os":"windows","architecture":"amd64"}},
      {"digest":"sha256:a","platform":{"os":"linux","architecture":"arm64"}},
      {"digest":"sha256:x","platform":{"os":"linux","architecture":"amd64"}}]})";
  CHECK(parse_manifest(index, "amd64")->for_this_machine.digest == "sha256:x");
  CHECK(parse_manifest(index, "arm64")->for_this_machine.digest == "sha256:a");
  const auto none = parse_manifest(index, "riscv64");
  CHECK(none.error().code == Errc::not_found);
  CHECK(none.error().message == "the image has no variant for linux/riscv64");
}

TEST_CASE("an image's config may leave out or null whatever it likes") {
  const auto full = parse_image_config(
      R"({"config":{"Entrypoint":["/app"],"Cmd":["-v"],"Env":["A=1"],"WorkingDir":"/srv","User":"1000:1000"},
      "rootfs":{"diff_ids":["sha256:1"]}})");
  REQUIRE(full.has_value());
  CHECK(full->entrypoint == std::vector<std::string>{"/app"});
  CHECK(full->command == std::vector<std::string>{"-v"});
  CHECK(full->env == std::vector<std::string>{"A=1"});
  CHECK(full->working_dir == "/srv");
  CHECK(full->user == "1000:1000");
  const auto nulls =
      parse_image_config(R"({"config":{"Entrypoint":null,"User":null},"rootfs":{"diff_ids":null}})");
  REQUIRE(nulls.has_value());
  CHECK(nulls->entrypoint.empty());
  CHECK(parse_image_config(R"({"rootfs":{"diff_ids":[]}})").has_value());
}

TEST_CASE("what is not JSON, or has another shape, is data loss and no crash") {
  for (const char* text : {"", "{", "[]", "null", R"({"config":1})", R"({"manifests":[{}]})",
                           R"({"config":{"digest":7},"layers":[]})"}) {
    CAPTURE(text);
    CHECK(parse_manifest(text, "amd64").error().code == Errc::data_loss);
  }
  for (const char* text :
       {"", "[]", "{}", R"({"rootfs":{"diff_ids":[1]}})", R"({"rootfs":{},"config":{"Env":"A=1"}})"}) {
    CAPTURE(text);
    CHECK(parse_image_config(text).error().code == Errc::data_loss);
  }
}

TEST_CASE("the chain of layers is named as the image specification says") {
  CHECK(chain_id({}) == "");
  CHECK(chain_id({"sha256:a"}) == "sha256:a");
  // printf 'sha256:a sha256:b' | sha256sum
  CHECK(chain_id({"sha256:a", "sha256:b"}) ==
        "sha256:970a948bffa8de94d6e22d747ba8c95030e6e546909f98f54e99a13005e173a8");
  CHECK(chain_id({"sha256:a", "sha256:b", "sha256:c"}) ==
        "sha256:dee159b33409cefa3f6eda71539f006014283e9d9130c18a1dea7bd8a33c9b1b");
}

}  // namespace
}  // namespace cloudless::runtime
