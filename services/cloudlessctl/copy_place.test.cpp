#include "services/cloudlessctl/copy_place.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>

#include "services/cloudlessctl/forward_spec.hpp"

namespace cloudless::cli {

TEST_CASE("a place of cp is in a container if a colon comes before any slash") {
  const std::map<std::string, CopyPlace> rows{{"web:/etc/hosts", {"web", "/etc/hosts"}},
                                              {"web:a", {"web", "a"}},
                                              {"web:", {"web", ""}},
                                              {"./web:a", {"", "./web:a"}},
                                              {"/a/b:c", {"", "/a/b:c"}},
                                              {"file", {"", "file"}},
                                              {":a", {"", ":a"}},
                                              {"web:/a:b", {"web", "/a:b"}}};
  for (const auto& [text, place] : rows) {
    CAPTURE(text);
    CHECK(parse_place(text) == place);
  }
}

TEST_CASE("what is copied is called by its last name") {
  const std::map<std::string, std::string> rows{{"a", "a"},    {"/a/b", "b"}, {"a/b//", "b"},
                                                {"/", "root"}, {".", "root"}, {"a/..", "root"}};
  for (const auto& [path, name] : rows) {
    CAPTURE(path);
    CHECK(last_name(path) == name);
  }
}

TEST_CASE("sizes are short") {
  CHECK(size_text(0) == "0 B");
  CHECK(size_text(1023) == "1023 B");
  CHECK(size_text(1536) == "1.5 KiB");
  CHECK(size_text(100 << 20) == "100.0 MiB");
}

TEST_CASE("ports to forward are [LOCAL:]REMOTE") {
  const std::map<std::string, std::optional<ForwardSpec>> rows{
      {"80", ForwardSpec{80, 80}}, {"9090:80", ForwardSpec{9090, 80}},
      {":80", ForwardSpec{0, 80}}, {"0:80", ForwardSpec{0, 80}},
      {"0", std::nullopt},         {"80:", std::nullopt},
      {"65536", std::nullopt},     {"-1:80", std::nullopt},
      {"a:80", std::nullopt},      {"", std::nullopt},
      {"1:2:3", std::nullopt}};
  for (const auto& [text, spec] : rows) {
    CAPTURE(text);
    CHECK(parse_forward(text) == spec);
  }
}

}  // namespace cloudless::cli
