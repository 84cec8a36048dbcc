#include "messages/domain/names.hpp"

#include <doctest/doctest.h>

#include <string>

#include "messages/domain/image_reference.hpp"

namespace cloudless {

TEST_CASE("names of namespaces and workloads are RFC 1123 labels") {
  for (const char* good : {"a", "0", "web", "web-1", "a--b", "0a"}) CHECK_MESSAGE(is_dns_label(good), good);
  for (const char* bad : {"", "-a", "a-", "A", "a.b", "a_b", "ü", "a b", "a\n"})
    CHECK_FALSE_MESSAGE(is_dns_label(bad), bad);
  CHECK(is_dns_label(std::string(63, 'a')));
  CHECK_FALSE(is_dns_label(std::string(64, 'a')));
}

TEST_CASE("a node's id is one or more labels joined by dots, at most 63 characters together") {
  for (const char* good : {"n", "n1.rack-2.dc"}) CHECK_MESSAGE(is_dns_subdomain(good), good);
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "a.-b", "A.b"})
    CHECK_FALSE_MESSAGE(is_dns_subdomain(bad), bad);
  CHECK_FALSE(is_dns_subdomain(std::string(32, 'a') + "." + std::string(31, 'b')));
}

TEST_CASE("a replica's id holds a name, a uid and an ordinal") {
  for (const char* good : {"web-0123456789-0", "my-web-0a1b2c3d4e-18446744073709551615"})
    CHECK_MESSAGE(is_replica_id(good), good);
  for (const char* bad : {"", "web", "web-0123456789", "web-0123456789-", "web-0123456789-x",
                          "web-012345678-0", "-0123456789-0", "web-0123456789-01", "web-0123456789-+1",
                          "web-0123456789-18446744073709551616", "Web-0123456789-0"})
    CHECK_FALSE_MESSAGE(is_replica_id(bad), bad);
}

TEST_CASE("labels and environment variables have their alphabets") {
  CHECK(is_label_key("app.example.org/name_1"));
  CHECK_FALSE(is_label_key(""));
  CHECK(is_label_value(""));
  CHECK_FALSE(is_label_value("a b"));
  CHECK_FALSE(is_label_value(std::string(64, 'a')));
  for (const char* good : {"A", "_", "a.b-c_1"}) CHECK_MESSAGE(is_env_name(good), good);
  for (const char* bad : {"", "1A", "A=B", "-a", "a b"}) CHECK_FALSE_MESSAGE(is_env_name(bad), bad);
  CHECK_FALSE(is_env_name(std::string(257, 'A')));
}

TEST_CASE("image references follow the grammar of registries") {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  for (const std::string& good :
       {std::string("nginx"), std::string("nginx:1.25-alpine"), std::string("library/nginx"),
        std::string("localhost/a"), std::string("localhost:5000/a/b:v1"),
        std::string("registry.example.org/team/app:V1.0_x"), "nginx" + digest, "registry:5000/a:tag" + digest,
        std::string("[::1]:5000/a"), std::string("a__b/c--d.e_f"), std::string("Registry.io/a")})
    CHECK_MESSAGE(image_reference_error(good) == "", good);
  for (const std::string& bad : {std::string(""),
                                 std::string("UPPER"),
                                 std::string("no spaces allowed"),
                                 std::string("a:"),
                                 std::string("a:b:c"),
                                 std::string("/a"),
                                 std::string("a/"),
                                 std::string("a//b"),
                                 std::string("-a"),
                                 std::string("a..b"),
                                 std::string("a___b"),
                                 std::string("a@sha256:abc"),
                                 std::string("a@"),
                                 std::string("a:-x"),
                                 std::string("reg:port/a"),
                                 std::string("a\nb"),
                                 std::string("http://a/b"),
                                 std::string(513, 'a'),
                                 "a:" + std::string(129, 'x'),
                                 std::string("ü"),
                                 std::string("a@sha256:") + std::string(64, 'A')})
    CHECK_MESSAGE(image_reference_error(bad) != "", bad);
}

TEST_CASE("a path is absolute, and written in one way only") {
  for (const char* good : {"/a", "/a/b", "/.hidden/..x/...", "/with blank", "/\xc3\xbc"}) {
    CAPTURE(good);
    CHECK(path_error(good) == "");
  }
  for (const char* bad :
       {"", "/", "a", "./a", "/a/", "//a", "/a//b", "/a/.", "/./a", "/..", "/a/../b", "/a\tb"}) {
    CAPTURE(bad);
    CHECK(path_error(bad) != "");
  }
  CHECK(path_error(std::string("/a\0b", 4)) != "");
  CHECK(path_error("/" + std::string(255, 'n')) == "");
  CHECK(path_error("/" + std::string(256, 'n')) != "");
}

TEST_CASE("a path is within a folder by whole names") {
  CHECK(is_path_within("/a", "/a"));
  CHECK(is_path_within("/a/b", "/a"));
  CHECK(is_path_within("/a", "/"));
  CHECK_FALSE(is_path_within("/ab", "/a"));
  CHECK_FALSE(is_path_within("/", "/a"));
}

}  // namespace cloudless
