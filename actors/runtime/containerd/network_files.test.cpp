#include "actors/runtime/containerd/network_files.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace cloudless::runtime {
namespace {

using Words = std::vector<std::string>;

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

TEST_CASE("a resolver's file is read as the C library reads it") {
  const auto seen = parse_resolver(
      "# comment\nnameserver 10.0.0.2 # the first\nnameserver\t10.0.0.3\ndomain old.example\n"
      "search a.example b.example ; why\noptions ndots:2\noptions edns0 trust-ad\nsortlist "
      "1.2.3.4\nnameserver\n");
  CHECK(seen.nameservers == Words{"10.0.0.2", "10.0.0.3"});
  CHECK(seen.search == Words{"a.example", "b.example"});
  CHECK(seen.options == Words{"ndots:2", "edns0", "trust-ad"});
  CHECK(parse_resolver(render(seen)) == seen);
}

TEST_CASE("replicas are given the servers that they can reach") {
  struct Case {
    const char* name;
    Resolver configured;
    const char* of_node;
    const char* behind_stub;
    Words nameservers;
  };
  const Case cases[] = {
      {"the node's own", {}, "nameserver 10.0.0.2\nnameserver 10.0.0.3\n", "", {"10.0.0.2", "10.0.0.3"}},
      {"behind systemd-resolved's stub",
       {},
       "nameserver 127.0.0.53\noptions edns0\n",
       "nameserver 192.0.2.1\nnameserver 192.0.2.2\n",
       {"192.0.2.1", "192.0.2.2"}},
      {"a real one beside a local one", {}, "nameserver 127.0.0.1\nnameserver 10.0.0.2\n", "", {"10.0.0.2"}},
      {"only IPv4",
       {},
       "nameserver fe80::1%eth0\nnameserver 2001:db8::1\nnameserver 10.0.0.2\n",
       "",
       {"10.0.0.2"}},
      {"three at most",
       {},
       "nameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\nnameserver 10.0.0.5\n",
       "",
       {"10.0.0.2", "10.0.0.3", "10.0.0.4"}},
      {"none but loopback anywhere", {}, "nameserver ::1\n", "nameserver 127.0.0.1\n", {}},
      {"no file at all", {}, "", "", {}},
      {"what the operator says goes first",
       {{"192.0.2.9"}, {}, {}},
       "nameserver 10.0.0.2\n",
       "",
       {"192.0.2.9"}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(resolver_for_replicas(c.configured, c.of_node, c.behind_stub).nameservers == c.nameservers);
  }
  const auto mixed = resolver_for_replicas({{}, {"own.example"}, {}},
                                           "search node.example\noptions ndots:3\nnameserver 10.0.0.2\n", "");
  CHECK(mixed.search == Words{"own.example"});
  CHECK(mixed.options == Words{"ndots:3"});
}

TEST_CASE("a replica finds its own name in its hosts file") {
  CHECK(hosts_file("web-0", "10.87.0.5") ==
        "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n10.87.0.5 web-0\n");
  CHECK(hosts_file("web-0", "").ends_with("127.0.1.1 web-0\n"));
  CHECK(hosts_file_on_node("web-0", "192.0.2.7", "127.0.0.1 localhost\n192.0.2.9 db") ==
        "127.0.0.1 localhost\n192.0.2.9 db\n192.0.2.7 web-0\n");
}

TEST_CASE("files are written again in place, so that a container that has them bound sees it") {
  char name[] = "/tmp/cloudless-files.XXXXXX";
  const std::string folder = ::mkdtemp(name);
  NetworkFiles files(folder, {{"192.0.2.9"}, {"own.example"}, {}});
  const ContainerId a{"a"}, b{"b"};
  REQUIRE(files.write(a, "web-0", ""));
  REQUIRE(files.write(b, "web-1", "10.0.0.3"));
  using Status = struct stat;
  Status before{}, after{};
  const auto hosts = files.folder_of(a) + "/hosts";
  REQUIRE(::stat(hosts.c_str(), &before) == 0);
  REQUIRE(files.write(a, "web-0", "10.0.0.2"));
  REQUIRE(::stat(hosts.c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  CHECK((after.st_mode & 0777) == 0644);
  CHECK(text_of(hosts).ends_with("10.0.0.2 web-0\n"));
  CHECK(text_of(files.folder_of(a) + "/hostname") == "web-0\n");
  CHECK(text_of(files.folder_of(a) + "/resolv.conf") == "nameserver 192.0.2.9\nsearch own.example\n");
  files.remove_all_except({b});
  CHECK_FALSE(std::filesystem::exists(files.folder_of(a)));
  CHECK(std::filesystem::exists(files.folder_of(b)));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace cloudless::runtime
