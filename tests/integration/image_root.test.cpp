// Files read out of layers that somebody else made: many layers, and things that are not files.
#include "actors/runtime/containerd/image_root.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>

#include "tests/support/containerd_fixture.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
namespace fs = std::filesystem;

struct Folder {
  Folder() { fs::create_directories(path + "/target"); }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string make() {
    std::string name = "/tmp/cloudless-layers.XXXXXX";
    return ::mkdtemp(name.data()) == nullptr ? std::string() : name;
  }
  /// A layer's folder, as deep as a snapshotter's.
  std::string layer(int number) const {
    const auto out =
        path + "/io.containerd.snapshotter.v1.overlayfs/snapshots/" + std::to_string(number) + "/fs";
    fs::create_directories(out + "/etc");
    return out;
  }
  std::string path = make();
};

LayerMount bound(const std::string& source) {
  return {"bind", source, {"ro", "rbind"}};
}

TEST_CASE("files are read through more layers than a mount's options have room for") {
  const Folder folder;
  std::string lower = "lowerdir=";
  for (int i = 0; i < 80; ++i) lower += (i > 0 ? ":" : "") + folder.layer(i);
  REQUIRE(lower.size() > 4096);
  std::ofstream(folder.layer(79) + "/etc/passwd") << "lowest\n";
  std::ofstream(folder.layer(79) + "/etc/group") << "lowest\n";
  std::ofstream(folder.layer(3) + "/etc/group") << "upper\n";
  const auto files = read_image_files({{"overlay", "overlay", {"index=off", lower}}}, folder.path + "/target",
                                      {"/etc/passwd", "/etc/group", "/etc/none", "/none/none"});
  REQUIRE_MESSAGE(files.has_value(), files.error().message);
  CHECK(*files == std::vector<std::string>{"lowest\n", "upper\n", "", ""});
  CHECK(fs::is_empty(folder.path + "/target"));
  CHECK(test::run({"cat", "/proc/self/mounts"}).output.find(folder.path) == std::string::npos);
}

TEST_CASE("what is not a small file is not opened") {
  struct Case {
    const char* name;
    std::function<void(const std::string&)> make;
    const char* reason;
  };
  const std::vector<Case> cases = {
      {"pipe", [](const std::string& p) { REQUIRE(mkfifo(p.c_str(), 0644) == 0); }, "is not a regular file"},
      {"device", [](const std::string& p) { REQUIRE(mknod(p.c_str(), S_IFCHR | 0644, makedev(1, 9)) == 0); },
       "is not a regular file"},
      {"folder", [](const std::string& p) { fs::create_directory(p); }, "is not a regular file"},
      {"large file", [](const std::string& p) { std::ofstream(p) << std::string((256 << 10) + 1, 'x'); },
       "is larger than 256 KiB"},
      {"magic link", [](const std::string& p) { fs::create_symlink("/proc/self/root/etc/passwd", p); }, ""},
      {"link to itself", [](const std::string& p) { fs::create_symlink("passwd", p); }, "cannot be opened"},
  };
  for (const auto& c : cases) {
    CAPTURE(std::string(c.name));
    const Folder folder;
    c.make(folder.layer(0) + "/etc/passwd");
    const auto files = read_image_files({bound(folder.layer(0))}, folder.path + "/target", {"/etc/passwd"});
    if (c.reason[0] == '\0') {
      REQUIRE(files.has_value());
      CHECK(files->front() == "");  // inside the image there is no /proc
      continue;
    }
    REQUIRE_FALSE(files.has_value());
    CHECK(files.error().code == Errc::failed_precondition);
    CHECK_MESSAGE(files.error().message.find(c.reason) != std::string::npos, files.error().message);
  }
}

TEST_CASE("layers that are not there are an error of the node, not of the image") {
  const Folder folder;
  const auto files =
      read_image_files({bound(folder.path + "/none")}, folder.path + "/target", {"/etc/passwd"});
  REQUIRE_FALSE(files.has_value());
  CHECK(files.error().code == Errc::internal);
}

}  // namespace
