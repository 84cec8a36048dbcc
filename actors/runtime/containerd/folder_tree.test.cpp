#include "actors/runtime/containerd/folder_tree.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace cloudless::runtime {
namespace {

namespace fs = std::filesystem;

/// A folder that goes with the test.
struct Scratch {
  Scratch() {
    char name[] = "/tmp/cloudless-tree-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path = name;
  }
  ~Scratch() { (void)remove_tree(path); }
  std::string operator/(const std::string& rest) const { return path + "/" + rest; }
  std::string path;
};

std::string reason_of(const Result<OpenFile>& opened) {
  if (opened) return {};
  CHECK(opened.error().code == Errc::failed_precondition);
  return opened.error().message;
}

std::string identity(int fd) {
  struct stat status {};
  REQUIRE(::fstat(fd, &status) == 0);
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

TEST_CASE("a path below a root is opened through links that stay below, and never through one that leaves") {
  const Scratch scratch;
  fs::create_directories(scratch / "root/a/b");
  fs::create_directories(scratch / "outside");
  std::ofstream(scratch / "root/file") << "x";
  fs::create_symlink("a", scratch / "root/inside");
  fs::create_symlink("../outside", scratch / "root/up");
  fs::create_symlink(scratch / "root/a", scratch / "root/absolute");
  fs::create_symlink("loop", scratch / "root/loop");
  REQUIRE(::mkfifo((scratch / "root/pipe").c_str(), 0600) == 0);
  const auto root = scratch / "root";
  const auto opens_as = [&](const std::string& path, const std::string& same) {
    const auto opened = open_beneath(root, root + path);
    REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
    const OpenFile expected(::open((root + same).c_str(), O_PATH | O_CLOEXEC));
    CHECK(identity(opened->get()) == identity(expected.get()));
  };
  opens_as("", "");
  opens_as("/a/b", "/a/b");
  opens_as("/inside/b", "/a/b");
  opens_as("/file", "/file");
  const struct {
    const char *path, *reason;
  } refused[] = {
      {"/up", "by a symbolic link"},
      {"/absolute", "by a symbolic link"},
      {"/a/../../outside", "by a symbolic link"},
      {"/none", "does not exist on this node"},
      {"/file/x", "is not a directory"},
      {"/loop", "symbolic link that cannot be followed"},
      {"/pipe", "is neither a directory nor a file nor a socket"},
  };
  for (const auto& c : refused) {
    CAPTURE(c.path);
    const auto reason = reason_of(open_beneath(root, root + c.path));
    CHECK_MESSAGE(reason.find(c.reason) != std::string::npos, reason);
  }
  CHECK(reason_of(open_beneath(scratch / "gone", scratch / "gone/x")).find("cannot be opened") !=
        std::string::npos);
}

TEST_CASE("a tree is removed whatever it holds, and what its links point to is not") {
  const Scratch scratch;
  fs::create_directories(scratch / "tree/locked");
  fs::create_directories(scratch / "kept");
  std::ofstream(scratch / "kept/file") << "x";
  fs::create_symlink(scratch / "kept", scratch / "tree/link");
  std::ofstream(scratch / "tree/.hidden") << "x";
  fs::permissions(scratch / "tree/locked", fs::perms::none);
  REQUIRE(remove_tree(scratch / "tree").has_value());
  CHECK_FALSE(fs::exists(scratch / "tree"));
  CHECK(fs::exists(scratch / "kept/file"));
  CHECK(remove_tree(scratch / "tree").has_value());  // nothing is success
  REQUIRE(remove_tree(scratch / "kept/file").has_value());
  CHECK_FALSE(fs::exists(scratch / "kept/file"));
}

TEST_CASE("a tree that is nested deeper than a process has descriptors is removed") {
  const Scratch scratch;
  const int first = ::open(scratch.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int at = first;
  for (int depth = 0; depth < 3000; ++depth) {
    REQUIRE(::mkdirat(at, "d", 0700) == 0);
    const int next = ::openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(next >= 0);
    ::close(at);
    at = next;
  }
  ::close(at);
  const auto removed = remove_tree(scratch / "d");
  CHECK_MESSAGE(removed.has_value(), removed.error().message);
  CHECK(fs::is_empty(scratch.path));
}

TEST_CASE("a folder gets exactly its mode; a place is made of the kind of what goes there") {
  const Scratch scratch;
  const auto before = ::umask(0077);
  CHECK(make_folder(scratch / "open", 0777).has_value());
  ::umask(before);
  CHECK(fs::status(scratch / "open").permissions() == fs::perms::all);
  CHECK(make_folder(scratch / "open", 0700).has_value());
  CHECK(fs::status(scratch / "open").permissions() == fs::perms::all);  // what is there keeps its own
  CHECK_FALSE(make_folder(scratch / "none/below", 0700).has_value());
  std::ofstream(scratch / "file") << "x";
  const OpenFile file(::open((scratch / "file").c_str(), O_PATH | O_CLOEXEC));
  const OpenFile folder(::open((scratch / "open").c_str(), O_PATH | O_CLOEXEC));
  REQUIRE(make_place_like(file, scratch / "place").has_value());
  CHECK(fs::is_regular_file(scratch / "place"));
  REQUIRE(make_place_like(folder, scratch / "place").has_value());
  CHECK(fs::is_directory(scratch / "place"));
}

}  // namespace
}  // namespace cloudless::runtime
