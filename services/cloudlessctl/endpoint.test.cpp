#include "services/cloudlessctl/endpoint.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "services/settings/made_certificates.test.hpp"

namespace cloudless::cli {
namespace {

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "cloudless-endpoint.XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

std::string refusal(const EndpointOptions& options) {
  const auto endpoint = endpoint_of(options);
  REQUIRE_FALSE(endpoint.has_value());
  return endpoint.error().message;
}

}  // namespace

TEST_CASE("plain text is for this machine's loopback addresses") {
  for (const char* server : {"localhost:8080", "127.0.0.1:1", "127.8.9.1:1", "[::1]:8080"}) {
    CAPTURE(server);
    const auto endpoint = endpoint_of({server, {}, {}, {}, {}});
    REQUIRE(endpoint.has_value());
    CHECK_FALSE(endpoint->tls);
    CHECK(endpoint->server == server);
  }
  for (const char* server : {"10.0.0.1:1", "0.0.0.0:1", "[::]:1", "web.example:1", "localhost.example:1",
                             "127.example:1", "127.0.0.1.example:1", "[fe80::1]:1"}) {
    CAPTURE(server);
    CHECK(refusal({server, {}, {}, {}, {}}) == "--server " + std::string(server) +
                                                   " is another machine: give --ca, the file with the "
                                                   "authority of its certificate; plain text is for "
                                                   "localhost, 127.0.0.0/8 and [::1] only");
  }
}

TEST_CASE("a server is a host and a port") {
  for (const char* server : {"", "localhost", ":80", "localhost:", "localhost:http", "::1:80", "unix:/run/x",
                             "ipv4:10.0.0.1:1,127.0.0.1:1"}) {
    CAPTURE(server);
    CHECK(refusal({server, {}, {}, {}, {}}) == "--server: \"" + std::string(server) +
                                                   "\" is not an address \"host:port\" with a port from 0 to "
                                                   "65535");
  }
  for (const char* server : {"https://localhost:80", "dns:///localhost:80"})
    CHECK(refusal({server, {}, {}, {}, {}}).find("; TLS comes with --ca, not with a scheme") !=
          std::string::npos);
}

TEST_CASE("options of TLS belong together") {
  const Folder folder;
  const test::MadeAuthority authority("authority");
  const auto own = authority.issue({"ann", {}});
  const auto ca = folder.write("ca.pem", authority.certificate());
  const auto cert = folder.write("cert.pem", own.certificate);
  const auto key = folder.write("own.key", own.key);

  auto endpoint = endpoint_of({"web.example:1", ca, {}, {}, {}}).value();
  CHECK(endpoint.tls);
  CHECK(endpoint.name == "web.example");
  CHECK(endpoint.ca.text == authority.certificate());
  CHECK(endpoint.cert.text.empty());
  endpoint = endpoint_of({"[::1]:1", ca, cert, key, "api"}).value();
  CHECK(endpoint.name == "api");
  CHECK(endpoint.cert.text == own.certificate);
  CHECK(endpoint.key.text == own.key);
  CHECK(endpoint_of({"[::1]:1", ca, {}, {}, {}}).value().name == "::1");

  CHECK(refusal({"localhost:1", ca, cert, {}, {}}) ==
        "--cert needs --key, the file with the certificate's key");
  CHECK(refusal({"localhost:1", ca, {}, key, {}}) ==
        "--key needs --cert, the file with the key's certificate");
  CHECK(refusal({"localhost:1", {}, cert, key, {}}).find("--cert needs --ca") == 0);
  CHECK(refusal({"localhost:1", {}, {}, {}, "api"}).find("--server-name needs --ca") == 0);
  CHECK(refusal({"localhost:1", key, {}, {}, {}}).find("--ca: " + key + " holds no certificate") == 0);
  CHECK(refusal({"localhost:1", ca, key, key, {}}).find("--cert: " + key + " holds no certificate") == 0);
  CHECK(refusal({"localhost:1", ca, cert, cert, {}}).find("--key: " + cert + " holds no private key") == 0);
  CHECK(refusal({"localhost:1", ca, cert, folder.write("other.key", authority.issue({"bob", {}}).key), {}})
            .find("is not the key of the certificate in " + cert + " (--cert)") != std::string::npos);
  CHECK(refusal({"localhost:1", ca, cert, "/nonexistent", {}}) ==
        "--key: /nonexistent cannot be read: No such file or directory");
}

}  // namespace cloudless::cli
