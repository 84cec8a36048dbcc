// Connections and files into and out of running containers.
#include <archive.h>
#include <archive_entry.h>
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "tests/integration/heard_stream.hpp"
#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;
namespace fs = std::filesystem;

const ContainerId kThere{"a-0"};

StreamRequest to_port(std::uint32_t port) {
  return {kThere, ForwardQuery{{}, kThere, port}, 1 << 20};
}
StreamRequest copy_of(const std::string& path, bool into) {
  return {kThere, CopyQuery{{}, kThere, path, into}, 1ULL << 40};
}

struct Entry {
  std::string path;
  std::string content;
  mode_t type = AE_IFREG;
  mode_t mode = 0644;
  std::string link;
};

std::string tar(const std::vector<Entry>& entries) {
  std::string out;
  archive* a = archive_write_new();
  archive_write_set_format_gnutar(a);
  archive_write_open(
      a, &out, nullptr,
      [](archive*, void* to, const void* bytes, size_t size) {
        static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
        return static_cast<la_ssize_t>(size);
      },
      nullptr);
  for (const auto& entry : entries) {
    archive_entry* e = archive_entry_new();
    archive_entry_set_pathname(e, entry.path.c_str());
    archive_entry_set_filetype(e, entry.type);
    archive_entry_set_perm(e, entry.mode);
    if (entry.type == AE_IFREG) archive_entry_set_size(e, static_cast<la_int64_t>(entry.content.size()));
    if (entry.type == AE_IFLNK) archive_entry_set_symlink(e, entry.link.c_str());
    archive_write_header(a, e);
    archive_write_data(a, entry.content.data(), entry.content.size());
    archive_entry_free(e);
  }
  archive_write_close(a);
  archive_write_free(a);
  return out;
}

Result<StreamEnd> copy_in(RuntimeNode& node, const std::string& path, const std::string& archive) {
  HeardStream stream(*node.port, copy_of(path, true));
  stream.send(archive);
  stream.stream->end_input();
  return stream.end();
}

/// The container's root, seen from this machine.
fs::path root_of(RuntimeNode& node) {
  const auto seen = node.list();
  REQUIRE_OK(seen);
  REQUIRE(seen->size() == 1);
  return "/proc/" + std::to_string(seen->front().pid) + "/root";
}

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

TEST_CASE(
    "a connection reaches what listens in the container, at its loopback address too, and half-closes") {
  RuntimeNode node("forward");
  REQUIRE_OK(node.start_shell("a",
                              "while :; do nc -l -p 7000 -e /bin/sh -c 'echo hello; cat; echo bye'; done & "
                              "httpd -p 127.0.0.1:7001 -h /; wait"));
  SUBCASE("both ways, and what it says after the client's end") {
    std::unique_ptr<HeardStream> stream;
    REQUIRE(eventually([&] {
      stream = std::make_unique<HeardStream>(*node.port, to_port(7000));
      return eventually([&] { return stream->has_ended() || stream->out() == "hello\n"; }) &&
             !stream->has_ended();
    }));
    REQUIRE(stream->send("one\n"));
    REQUIRE(stream->says("one"));
    stream->stream->end_input();
    CHECK(stream->closes_output());
    const auto end = stream->end();
    REQUIRE_OK(end);
    CHECK(stream->out() == "hello\none\nbye\n");
  }
  SUBCASE("at loopback only") {
    CHECK(eventually([&] {
      HeardStream stream(*node.port, to_port(7001));
      return stream.send("GET / HTTP/1.0\r\n\r\n") &&
             eventually([&] { return stream.has_ended() || !stream.out().empty(); }) &&
             stream.out().find("HTTP/1.") == 0;
    }));
  }
  SUBCASE("nothing listens") {
    HeardStream stream(*node.port, to_port(7002));
    const auto end = stream.end();
    REQUIRE_FALSE(end);
    CHECK(end.error().code == Errc::failed_precondition);
    CHECK(end.error().message.find("port 7002") != std::string::npos);
  }
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE("files go into a container and come out of it as they are") {
  RuntimeNode node("copy");
  REQUIRE_OK(node.start_shell("a", "mkdir -p /srv/there; ln -s /srv/there /srv/link; sleep 100000"));
  const auto root = root_of(node);
  REQUIRE(eventually([&] { return fs::is_symlink(root / "srv/link"); }));
  SUBCASE("a file under its new name, with its mode, exactly") {
    const std::string bytes(300'001, 'x');
    REQUIRE_OK(copy_in(node, "/srv/file", tar({{"given", bytes, AE_IFREG, 0751}})));
    CHECK((content(root / "srv/file") == bytes));
    struct stat status {};
    REQUIRE(stat((root / "srv/file").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0751);
    CHECK(fs::directory_iterator(root / "srv")->path().filename().string().find("cloudless-copy") ==
          std::string::npos);
  }
  SUBCASE("into a directory under its own name, also through a link of the container's own") {
    REQUIRE_OK(copy_in(node, "/srv/link", tar({{"given", "hello"}})));
    CHECK(content(root / "srv/there/given") == "hello");
  }
  SUBCASE("a directory, with what is in it, and out again") {
    REQUIRE_OK(copy_in(node, "/srv/new",
                       tar({{"d/", "", AE_IFDIR, 0750},
                            {"d/a", "A"},
                            {"d/deep/", "", AE_IFDIR, 0700},
                            {"d/deep/b", "B", AE_IFREG, 0600},
                            {"d/l", "", AE_IFLNK, 0777, "deep/b"}})));
    CHECK(content(root / "srv/new/deep/b") == "B");
    CHECK(fs::read_symlink(root / "srv/new/l") == "deep/b");
    HeardStream out(*node.port, copy_of("/srv/new", false));
    REQUIRE_OK(out.end());
    REQUIRE_OK(copy_in(node, "/srv/again", out.out()));
    CHECK(content(root / "srv/again/deep/b") == "B");
    struct stat status {};
    REQUIRE(stat((root / "srv/again").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0750);
  }
  SUBCASE("what is no file is left out, and said to be") {
    REQUIRE(mkfifo((root / "srv/there/pipe").c_str(), 0600) == 0);
    HeardStream out(*node.port, copy_of("/srv/there", false));
    REQUIRE_OK(out.end());
    CHECK(out.err() == "\"there/pipe\" is neither a file nor a directory nor a link\n");
    HeardStream alone(*node.port, copy_of("/srv/there/pipe", false));
    CHECK(alone.end().error().code == Errc::failed_precondition);
  }
  SUBCASE("what is not there is said by its path") {
    HeardStream out(*node.port, copy_of("/no/such", false));
    const auto end = out.end();
    REQUIRE_FALSE(end);
    CHECK(end.error().code == Errc::failed_precondition);
    CHECK(end.error().message.find("/no/such") != std::string::npos);
    CHECK(copy_in(node, "/no/such/file", tar({{"a", "A"}})).error().code == Errc::failed_precondition);
    CHECK(copy_in(node, "/srv/new/", tar({{"a", "A"}})).error().code == Errc::failed_precondition);
  }
  REQUIRE_OK(node.remove("a"));
}

TEST_CASE(
    "an archive that would leave its directory, or make what is no file, is refused and leaves nothing") {
  RuntimeNode node("copybad");
  REQUIRE_OK(node.start_shell("a", "mkdir -p /srv; ln -s /etc /srv/etc; sleep 100000"));
  const auto root = root_of(node);
  REQUIRE(eventually([&] { return fs::is_symlink(root / "srv/etc"); }));
  const std::vector<std::pair<const char*, std::string>> rows = {
      {"a name with ..", tar({{"d/../../evil", "x"}})},
      {"an absolute name", tar({{"/evil", "x"}})},
      {"two things at the top", tar({{"one", "x"}, {"evil", "x"}})},
      {"a device", tar({{"evil", "", AE_IFCHR}})},
      {"a fifo", tar({{"evil", "", AE_IFIFO}})},
      {"no archive", std::string(5000, 'z')},
      {"nothing", ""},
      {"an archive cut off", tar({{"evil", std::string(100'000, 'x')}}).substr(0, 50'000)},
  };
  for (const auto& [what, archive] : rows) {
    CAPTURE(what);
    const auto end = copy_in(node, "/srv", archive);
    REQUIRE_FALSE(end);
    CHECK(end.error().code == Errc::invalid_argument);
    for (const char* place : {"srv/evil", "evil", "etc/evil"}) CHECK_FALSE(fs::exists(root / place));
  }
  SUBCASE("a link in the archive is not followed") {
    const auto end =
        copy_in(node, "/srv",
                tar({{"d/", "", AE_IFDIR, 0755}, {"d/l", "", AE_IFLNK, 0777, "/etc"}, {"d/l/evil", "x"}}));
    REQUIRE_FALSE(end);
    CHECK_FALSE(fs::exists(root / "etc/evil"));
  }
  SUBCASE("nor is one that was there") {
    REQUIRE_FALSE(copy_in(node, "/srv", tar({{"etc/", "", AE_IFDIR, 0755}, {"etc/evil", "x"}})));
    CHECK_FALSE(fs::exists(root / "etc/evil"));
  }
  SUBCASE("and a path that climbs ends at the container's root") {
    REQUIRE_OK(copy_in(node, "/../../../../srv/climbed", tar({{"a", "x"}})));
    CHECK(content(root / "srv/climbed") == "x");
  }
  REQUIRE_OK(node.remove("a"));
}

}  // namespace
