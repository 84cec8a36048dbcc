// Authorities and certificates for tests, made in this process; keys are of the curve P-256.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string>

namespace cloudless::test {

struct MadeCertificate {
  std::string certificate;  ///< PEM
  std::string key;          ///< PEM
};

struct WantedCertificate {
  std::string common_name;        ///< bytes as they are; empty: none
  std::string alternative;        ///< "DNS:localhost,IP:127.0.0.1", as openssl takes it; empty: none
  long valid_for_seconds = 3600;  ///< from an hour ago until then; negative: over
};

class MadeAuthority {
 public:
  /// Its certificate is of itself, or of `above`.
  explicit MadeAuthority(const std::string& name, const MadeAuthority* above = nullptr);
  MadeCertificate issue(const WantedCertificate& wanted) const;
  const std::string& certificate() const { return certificate_; }

 private:
  std::shared_ptr<EVP_PKEY> key_;
  std::shared_ptr<X509> own_;
  std::string certificate_;
};

}  // namespace cloudless::test
