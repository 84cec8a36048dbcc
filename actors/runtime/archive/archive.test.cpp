#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "actors/runtime/archive/descriptor.hpp"
#include "actors/runtime/archive/pack.hpp"
#include "actors/runtime/archive/unpack.hpp"

namespace cloudless::runtime {
namespace {

namespace fs = std::filesystem;

struct Folder {
  Folder() {
    char name[] = "/tmp/cloudless-archive.XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Descriptor opened(const fs::path& below = {}) const {
    return Descriptor(::open((path / below).c_str(), O_PATH));
  }
  fs::path path;
};

void write(const fs::path& path, const std::string& content, fs::perms mode = fs::perms(0644)) {
  std::ofstream(path, std::ios::binary) << content;
  fs::permissions(path, mode);
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

struct Packed {
  Result<PackTotals> totals;
  std::string bytes;
  std::vector<std::string> left_out;
};

Packed packed(const Descriptor& item, const std::string& name) {
  std::string bytes;
  std::vector<std::string> left_out;
  auto totals = pack(item.number(), name,
                     {[&](std::string_view piece) {
                        bytes += piece;
                        return true;
                      },
                      [&](const std::string& what) { left_out.push_back(what); }});
  return {std::move(totals), std::move(bytes), std::move(left_out)};
}

Result<UnpackTotals> unpacked(const Folder& into, const std::string& bytes, UnpackOptions options = {},
                              std::vector<std::string>* left_out = nullptr) {
  std::size_t at = 0;
  const Descriptor base(::open(into.path.c_str(), O_RDONLY | O_DIRECTORY));
  return unpack(base.number(), options,
                {[&](char* buffer, std::size_t size) -> std::optional<std::size_t> {
                   const auto piece = std::min(size, bytes.size() - at);
                   std::memcpy(buffer, bytes.data() + at, piece);
                   at += piece;
                   return piece;
                 },
                 [&](const std::string& what) {
                   if (left_out != nullptr) left_out->push_back(what);
                 }});
}

TEST_CASE("a directory comes back as it was: contents, modes, times, links, long and strange names") {
  Folder from, to;
  const auto tree = from.path / "tree";
  fs::create_directories(tree / "deep");
  write(tree / "empty", "");
  write(tree / "script", "#!/bin/sh\n", fs::perms(0751));
  write(tree / "deep" / std::string(255, 'n'), std::string(200'000, 'x'));
  write(tree / "\xff\xfe \n", "bytes are names, too");
  fs::create_symlink("deep/../script", tree / "link");
  const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  utimensat(AT_FDCWD, (tree / "script").c_str(), times, 0);
  fs::permissions(tree / "deep", fs::perms(0550));
  utimensat(AT_FDCWD, (tree / "deep").c_str(), times, 0);

  const auto archive = packed(from.opened("tree"), "tree");
  REQUIRE(archive.totals);
  CHECK(archive.totals->bytes == 200'000 + 10 + 20);
  CHECK(archive.left_out.empty());
  const auto done = unpacked(to, archive.bytes, {"other", {}, true});
  REQUIRE_MESSAGE(done, (done ? "" : done.error().message));
  const auto other = to.path / "other";
  CHECK(read(other / "deep" / std::string(255, 'n')) == std::string(200'000, 'x'));
  CHECK(read(other / "\xff\xfe \n") == "bytes are names, too");
  CHECK(fs::file_size(other / "empty") == 0);
  CHECK(fs::read_symlink(other / "link") == "deep/../script");
  struct stat status {};
  REQUIRE(stat((other / "script").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0751);
  CHECK(status.st_mtim.tv_sec == 1'000'000'000);
  REQUIRE(stat((other / "deep").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0550);
  CHECK(status.st_mtim.tv_sec == 1'000'000'000);
  fs::permissions(tree / "deep", fs::perms(0750));
  fs::permissions(other / "deep", fs::perms(0750));
}

TEST_CASE("set-user-id and set-group-id are not kept, and a file takes the place of another whole") {
  Folder from, to;
  write(from.path / "f", "new", fs::perms(06755));
  write(to.path / "f", "the old one, longer", fs::perms(0600));
  const auto archive = packed(from.opened("f"), "f");
  REQUIRE(archive.totals);
  REQUIRE(unpacked(to, archive.bytes));
  CHECK(read(to.path / "f") == "new");
  struct stat status {};
  REQUIRE(stat((to.path / "f").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0755);
}

TEST_CASE("links that lead out of what is copied are left out where that is asked for") {
  Folder from, to;
  const auto tree = from.path / "t";
  fs::create_directories(tree / "d");
  const std::vector<std::pair<const char*, bool>> rows = {
      {"/etc/passwd", false}, {"../x", false},    {"d/../../x", false}, {"d", true},
      {"d/../e", true},       {"./d/./..", true}, {"..", false},        {"d/../..", false}};
  for (std::size_t i = 0; i < rows.size(); ++i)
    fs::create_symlink(rows[i].first, tree / ("l" + std::to_string(i)));
  fs::create_symlink("../d", tree / "d/inside");
  fs::create_symlink("../../x", tree / "d/outside");
  const auto archive = packed(from.opened("t"), "t");
  std::vector<std::string> left_out;
  REQUIRE(unpacked(to, archive.bytes, {"", {}, true}, &left_out));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(rows[i].first);
    CHECK(fs::is_symlink(to.path / "t" / ("l" + std::to_string(i))) == rows[i].second);
  }
  CHECK(fs::is_symlink(to.path / "t/d/inside"));
  CHECK_FALSE(fs::is_symlink(to.path / "t/d/outside"));
  CHECK(left_out.size() == 6);
}

TEST_CASE("what is no file is left out, and refused where it is all there is") {
  Folder from;
  fs::create_directories(from.path / "t");
  REQUIRE(mkfifo((from.path / "t/pipe").c_str(), 0600) == 0);
  write(from.path / "t/file", "x");
  const auto archive = packed(from.opened("t"), "t");
  REQUIRE(archive.totals);
  CHECK(archive.totals->left_out == 1);
  CHECK(archive.left_out ==
        std::vector<std::string>{"\"t/pipe\" is neither a file nor a directory nor a link"});
  CHECK(packed(from.opened("t/pipe"), "pipe").totals.error().code == Errc::failed_precondition);
}

TEST_CASE("an existing link below the directory is never written through") {
  Folder from, to, outside;
  fs::create_directories(from.path / "t/d");
  write(from.path / "t/d/f", "x");
  const auto archive = packed(from.opened("t"), "t");
  fs::create_directories(to.path / "t");
  fs::create_directory_symlink(outside.path, to.path / "t/d");
  CHECK_FALSE(unpacked(to, archive.bytes));
  CHECK(fs::is_empty(outside.path));
}

TEST_CASE("nobody who stops reading or writing is waited for") {
  Folder from, to;
  write(from.path / "f", std::string(1'000'000, 'x'));
  const auto item = from.opened("f");
  int calls = 0;
  const auto stopped =
      pack(item.number(), "f", {[&](std::string_view) { return ++calls < 2; }, [](const std::string&) {}});
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == Errc::cancelled);
  const Descriptor base(::open(to.path.c_str(), O_RDONLY | O_DIRECTORY));
  const auto given_up =
      unpack(base.number(), {},
             {[](char*, std::size_t) { return std::optional<std::size_t>(); }, [](const std::string&) {}});
  REQUIRE_FALSE(given_up);
  CHECK(given_up.error().code == Errc::cancelled);
}

TEST_CASE("damaged archives never write outside, and leave no half of a file") {
  Folder from;
  fs::create_directories(from.path / "t/d");
  for (int i = 0; i < 5; ++i)
    write(from.path / "t/d" / std::to_string(i), std::string(700 * static_cast<std::size_t>(i), 'x'));
  fs::create_symlink("d/1", from.path / "t/l");
  const auto archive = packed(from.opened("t"), "t").bytes;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    Folder to;
    const auto inside = to.path / "in";
    fs::create_directory(inside);
    Folder box;
    auto damaged = archive;
    for (auto flips = 1 + random() % 8; flips > 0; --flips)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    if (random() % 4 == 0) damaged.resize(random() % damaged.size());
    std::size_t at = 0;
    const Descriptor base(::open(inside.c_str(), O_RDONLY | O_DIRECTORY));
    (void)unpack(base.number(), {},
                 {[&](char* buffer, std::size_t size) -> std::optional<std::size_t> {
                    const auto piece = std::min(size, damaged.size() - at);
                    std::memcpy(buffer, damaged.data() + at, piece);
                    at += piece;
                    return piece;
                  },
                  [](const std::string&) {}});
    CHECK(std::distance(fs::directory_iterator(to.path), {}) == 1);
    for (const auto& entry : fs::recursive_directory_iterator(inside))
      CHECK(entry.path().filename().string().find("cloudless-copy") == std::string::npos);
  }
}

}  // namespace
}  // namespace cloudless::runtime
