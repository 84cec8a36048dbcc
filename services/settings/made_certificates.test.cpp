#include "services/settings/made_certificates.test.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <random>
#include <stdexcept>

namespace cloudless::test {
namespace {

void must(bool done) {
  if (!done) throw std::runtime_error("OpenSSL made no certificate");
}

template <class Write>
std::string pem(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  must(write(out.get()) == 1);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::shared_ptr<EVP_PKEY> new_key() {
  return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

void extend(X509* certificate, int kind, const std::string& value) {
  auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

std::shared_ptr<X509> blank(const std::string& common_name, long valid_for_seconds, EVP_PKEY* key) {
  std::shared_ptr<X509> out(X509_new(), X509_free);
  X509_set_version(out.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), static_cast<long>(std::random_device{}() >> 1U));
  X509_gmtime_adj(X509_getm_notBefore(out.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(out.get()), valid_for_seconds);
  if (!common_name.empty())
    must(X509_NAME_add_entry_by_NID(X509_get_subject_name(out.get()), NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0) == 1);
  must(X509_set_pubkey(out.get(), key) == 1);
  return out;
}

}  // namespace

MadeAuthority::MadeAuthority(const std::string& name, const MadeAuthority* above)
    : key_(new_key()), own_(blank(name, 3600, key_.get())) {
  const auto& signer = above != nullptr ? *above : *this;
  X509_set_issuer_name(own_.get(), X509_get_subject_name(signer.own_.get()));
  extend(own_.get(), NID_basic_constraints, "critical,CA:TRUE");
  must(X509_sign(own_.get(), signer.key_.get(), EVP_sha256()) > 0);
  certificate_ = pem([this](BIO* out) { return PEM_write_bio_X509(out, own_.get()); });
}

MadeCertificate MadeAuthority::issue(const WantedCertificate& wanted) const {
  const auto key = new_key();
  const auto leaf = blank(wanted.common_name, wanted.valid_for_seconds, key.get());
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(own_.get()));
  if (!wanted.alternative.empty()) extend(leaf.get(), NID_subject_alt_name, wanted.alternative);
  must(X509_sign(leaf.get(), key_.get(), EVP_sha256()) > 0);
  return {pem([&](BIO* out) { return PEM_write_bio_X509(out, leaf.get()); }), pem([&](BIO* out) {
            return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace cloudless::test
