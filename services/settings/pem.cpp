#include "services/settings/pem.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

namespace cloudless::settings {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

/// gRPC takes what is left in a thread's queue of errors for its own.
struct OwnErrors {
  OwnErrors() { ERR_clear_error(); }
  ~OwnErrors() { ERR_clear_error(); }
  OwnErrors(const OwnErrors&) = delete;
  OwnErrors& operator=(const OwnErrors&) = delete;
};

Bio over(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

/// Nobody is asked for a passphrase: a server has no terminal, and gRPC takes none.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Certificate next_certificate(BIO* in) {
  bool asked = false;
  return {PEM_read_bio_X509(in, nullptr, no_passphrase, &asked), X509_free};
}

tl::unexpected<Error> refuse(const PemFile& file, const std::string& what) {
  return fail(Errc::invalid_argument, file.option + ": " + file.path + " " + what);
}

}  // namespace

Result<PemFile> read_pem(const std::string& option, const std::string& path) {
  PemFile file{option, path, std::string(kMaxPemFile + 1, '\0')};
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (in) in.read(file.text.data(), static_cast<std::streamsize>(file.text.size()));
  if (in.bad() || !in.eof()) {
    if (in) return refuse(file, "is larger than 1 MiB, too large for certificates and keys");
    return fail(Errc::not_found, option + ": " + path + " cannot be read: " + std::strerror(errno));
  }
  file.text.resize(static_cast<std::size_t>(in.gcount()));
  return file;
}

Result<void> check_certificates(const PemFile& file) {
  const OwnErrors own;
  const auto in = over(file.text);
  int count = 0;
  while (next_certificate(in.get())) ++count;
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end)
    return refuse(file, "cannot be used: its certificate " + std::to_string(count + 1) + " is damaged");
  if (count == 0) return refuse(file, "holds no certificate in PEM form (\"-----BEGIN CERTIFICATE-----\")");
  return {};
}

Result<void> check_pair(const PemFile& certificate, const PemFile& key) {
  if (auto good = check_certificates(certificate); !good) return good;
  const OwnErrors own;
  const auto first = next_certificate(over(certificate.text).get());
  bool asked = false;
  const Key secret(PEM_read_bio_PrivateKey(over(key.text).get(), nullptr, no_passphrase, &asked),
                   EVP_PKEY_free);
  if (!secret && asked)
    return refuse(key, "is protected by a passphrase; write it without: openssl pkey -in OLD -out NEW");
  if (!secret) return refuse(key, "holds no private key in PEM form (\"-----BEGIN PRIVATE KEY-----\")");
  if (X509_check_private_key(first.get(), secret.get()) != 1)
    return refuse(
        key, "is not the key of the certificate in " + certificate.path + " (" + certificate.option + ")");
  return {};
}

}  // namespace cloudless::settings
