#include "actors/node_link/transport/secret_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace cloudless::node_link {
namespace {

/// A folder of its own, removed at the end.
struct Folder {
  Folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "cloudless-secret-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const char* name) const { return path / name; }
  std::filesystem::path path;
};

void write(const std::string& path, const std::string& text, mode_t mode) {
  std::ofstream{path} << text;
  ::chmod(path.c_str(), mode);
}

TEST_CASE("a secret is made once, for its owner alone, and found again") {
  const Folder folder;
  const auto path = folder.file("secret");
  CHECK(load_secret(path).error().code == Errc::not_found);
  const auto made = load_or_make_secret(path);
  REQUIRE(made);
  CHECK(made->size() == 32);
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(*load_secret(path) == *made);
  CHECK(*load_or_make_secret(path) == *made);
  CHECK(std::distance(std::filesystem::directory_iterator{folder.path}, {}) == 1);
}

TEST_CASE("those who make the same secret at once end with the same one") {
  const Folder folder;
  const auto path = folder.file("secret");
  std::vector<std::string> got(8);
  {
    std::vector<std::jthread> threads;
    for (auto& secret : got) threads.emplace_back([&] { secret = load_or_make_secret(path).value_or(""); });
  }
  for (const auto& secret : got) CHECK(secret == got[0]);
  CHECK(got[0].size() == 32);
}

TEST_CASE("a secret file that cannot be trusted is refused, and the message says how to mend it") {
  const Folder folder;
  const auto path = folder.file("secret");
  const std::string good(64, 'a');
  struct Case {
    std::string text;
    mode_t mode;
    Errc code;
  };
  const std::vector<Case> cases{
      {good + "\n", 0644, Errc::permission_denied},
      {good + "\n", 0640, Errc::permission_denied},
      {"", 0600, Errc::invalid_argument},
      {good.substr(1), 0600, Errc::invalid_argument},
      {good + "a", 0600, Errc::invalid_argument},
      {std::string(64, 'g'), 0600, Errc::invalid_argument},
      {std::string(4096, 'a'), 0600, Errc::invalid_argument},
  };
  for (const auto& wrong : cases) {
    CAPTURE(wrong.text);
    write(path, wrong.text, wrong.mode);
    const auto secret = load_or_make_secret(path);
    REQUIRE_FALSE(secret);
    CHECK(secret.error().code == wrong.code);
    CHECK(secret.error().message.find(path) != std::string::npos);
  }
  CHECK(load_or_make_secret(folder.file("no/such/folder")).error().code == Errc::permission_denied);
}

}  // namespace
}  // namespace cloudless::node_link
