#include "services/settings/pem.hpp"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "services/settings/listening.hpp"
#include "services/settings/made_certificates.test.hpp"

namespace cloudless::settings {
namespace {

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "cloudless-pem.XXXXXX";
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
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <class T>
std::string refusal(const Result<T>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error().message;
}

/// As somebody would keep a key at home.
std::string with_passphrase(const std::string& key) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(key.data(), static_cast<int>(key.size())), BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> secret(
      PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  REQUIRE(PEM_write_bio_PKCS8PrivateKey(out.get(), secret.get(), EVP_aes_256_cbc(), "word", 4, nullptr,
                                        nullptr) == 1);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

TEST_CASE("a PEM file is read up to its bound, and what cannot be read is named with its option") {
  const Folder folder;
  const auto small = folder.write("small", "text");
  CHECK(read_pem("--ca", small).value().text == "text");
  CHECK(read_pem("--ca", folder.write("full", std::string(kMaxPemFile, 'x'))).value().text.size() ==
        kMaxPemFile);
  const auto large = folder.write("large", std::string(kMaxPemFile + 1, 'x'));
  CHECK(refusal(read_pem("--ca", large)) ==
        "--ca: " + large + " is larger than 1 MiB, too large for certificates and keys");
  CHECK(refusal(read_pem("--ca", "/dev/zero")).find("larger than 1 MiB") != std::string::npos);
  CHECK(refusal(read_pem("--ca", "/nonexistent/ca.pem")) ==
        "--ca: /nonexistent/ca.pem cannot be read: No such file or directory");
  CHECK(refusal(read_pem("--ca", folder.path())) ==
        "--ca: " + folder.path() + " cannot be read: Is a directory");
}

TEST_CASE("certificates: one or more, and each must be whole") {
  const test::MadeAuthority one("one");
  const test::MadeAuthority two("two");
  const auto check = [](const std::string& text) { return check_certificates({"--ca", "f", text}); };
  CHECK(check(one.certificate()).has_value());
  CHECK(check("words before\n" + one.certificate() + "words between\n" + two.certificate()).has_value());
  for (const char* text : {"", "words", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
    CAPTURE(text);
    CHECK(refusal(check(text)) ==
          "--ca: f holds no certificate in PEM form (\"-----BEGIN CERTIFICATE-----\")");
  }
  auto damaged = two.certificate();
  damaged.replace(damaged.find('\n') + 1, 4, "AAAA");
  CHECK(refusal(check(one.certificate() + damaged)) ==
        "--ca: f cannot be used: its certificate 2 is damaged");
  damaged = two.certificate();
  damaged.resize(damaged.size() / 2);
  CHECK(refusal(check(one.certificate() + damaged)).find("damaged") != std::string::npos);
}

TEST_CASE("a key must be there without a passphrase and belong to the certificate") {
  const test::MadeAuthority authority("authority");
  const auto one = authority.issue({"one", {}});
  const auto two = authority.issue({"two", {}});
  const auto check = [](const std::string& certificate, const std::string& key) {
    return check_pair({"--cert", "c", certificate}, {"--key", "k", key});
  };
  CHECK(check(one.certificate, one.key).has_value());
  CHECK(check(one.certificate + authority.certificate(), one.key).has_value());
  CHECK(refusal(check(one.certificate, two.key)) ==
        "--key: k is not the key of the certificate in c (--cert)");
  CHECK(refusal(check(authority.certificate() + one.certificate, one.key)).find("is not the key") !=
        std::string::npos);
  CHECK(refusal(check(one.certificate, one.certificate)) ==
        "--key: k holds no private key in PEM form (\"-----BEGIN PRIVATE KEY-----\")");
  CHECK(refusal(check(one.key, one.key)).find("--cert: c holds no certificate") == 0);
  CHECK(refusal(check(one.certificate, with_passphrase(one.key)))
            .find("--key: k is protected by a passphrase") == 0);
}

TEST_CASE("what a server's certificate files must be is said before it listens") {
  const Folder folder;
  const test::MadeAuthority authority("authority");
  const auto one = authority.issue({"one", {}});
  const auto two = authority.issue({"two", {}});
  const Tls good{folder.write("one.pem", one.certificate), folder.write("one.key", one.key),
                 folder.write("ca.pem", authority.certificate())};
  const auto texts = load("grpc", good).value();
  CHECK(texts.certificate == one.certificate);
  CHECK(texts.key == one.key);
  CHECK(texts.client_ca == authority.certificate());
  CHECK(load("grpc", {}).value().certificate.empty());
  CHECK(load("grpc", {good.certificate, good.key, {}}).value().client_ca.empty());

  CHECK(refusal(load("grpc", {good.certificate, folder.write("two.key", two.key), {}}))
            .find("grpc.tls_key: ") == 0);
  CHECK(refusal(load("grpc", {good.key, good.key, {}})).find("grpc.tls_certificate: ") == 0);
  CHECK(refusal(load("grpc", {good.certificate, good.key, good.key})).find("grpc.tls_client_ca: ") == 0);
  CHECK(refusal(load("grpc", {good.certificate, "/nonexistent", {}})).find("grpc.tls_key: /nonexistent") ==
        0);
}

TEST_CASE("an address that other machines reach needs a certificate, and half a pair is none") {
  struct Case {
    Address address;
    Tls tls;
    const char* refusal;  ///< "": none
  };
  for (const auto& c :
       {Case{{"127.0.0.1", 1}, {}, ""}, Case{{"0.0.0.0", 1}, {"c", "k", {}}, ""},
        Case{{"0.0.0.0", 1}, {"c", "k", "a"}, ""},
        Case{{"0.0.0.0", 1},
             {},
             "grpc.address 0.0.0.0:1 is open to other machines: give grpc.tls_certificate"},
        Case{{"localhost.example", 1}, {}, "is open to other machines"},
        Case{{"127.example", 1}, {}, "is open to other machines"},
        Case{{"127.0.0.1", 1}, {"c", {}, {}}, "must be given together"},
        Case{{"127.0.0.1", 1}, {{}, "k", {}}, "must be given together"},
        Case{{"127.0.0.1", 1}, {{}, {}, "a"}, "grpc.tls_client_ca needs grpc.tls_certificate"}}) {
    CAPTURE(to_string(c.address));
    Exposure exposure;
    exposure.check("grpc", c.address, c.tls);
    const auto result = exposure.result();
    CHECK(result.has_value() == std::string_view(c.refusal).empty());
    if (!result) CHECK(result.error().message.find(c.refusal) != std::string::npos);
  }
}

}  // namespace cloudless::settings
