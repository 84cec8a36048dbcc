#include "services/settings/listening.hpp"

#include <utility>

#include "services/settings/pem.hpp"

namespace cloudless::settings {

void add_tls(Settings& form, const std::string& group, Tls& values) {
  form.text(group + ".tls_certificate", values.certificate, "PEM file; empty: plain text, loopback only");
  form.text(group + ".tls_key", values.key, "PEM file with the certificate's key");
  form.text(group + ".tls_client_ca", values.client_ca,
            "PEM file; given: clients need a certificate of this authority");
}

void Exposure::refuse(const std::string& line) {
  lines_ += (lines_.empty() ? "" : "\n") + line;
}

void Exposure::check(const std::string& group, const Address& address, const Tls& tls) {
  const bool encrypted = !tls.certificate.empty();
  if (encrypted != !tls.key.empty())
    refuse(group + ".tls_certificate and " + group + ".tls_key must be given together");
  if (!encrypted && !tls.client_ca.empty())
    refuse(group + ".tls_client_ca needs " + group + ".tls_certificate");
  if (!encrypted && !is_loopback(address))
    refuse(group + ".address " + to_string(address) + " is open to other machines: give " + group +
           ".tls_certificate and " + group + ".tls_key, or a loopback address");
}

void Exposure::loopback_only(const std::string& name, const std::optional<Address>& address) {
  if (address && !is_loopback(*address))
    refuse(name + " " + to_string(*address) +
           " is open to other machines, and this port has no TLS: give a loopback address");
}

Result<void> Exposure::result() const {
  if (lines_.empty()) return {};
  return fail(Errc::invalid_argument, lines_);
}

Result<TlsTexts> load(const std::string& group, const Tls& files) {
  if (files.certificate.empty()) return TlsTexts{};
  const auto certificate = read_pem(group + ".tls_certificate", files.certificate);
  if (!certificate) return fail(certificate.error());
  const auto key = read_pem(group + ".tls_key", files.key);
  if (!key) return fail(key.error());
  if (auto fits = check_pair(*certificate, *key); !fits) return fail(fits.error());
  if (files.client_ca.empty()) return TlsTexts{certificate->text, key->text, {}};
  const auto client_ca = read_pem(group + ".tls_client_ca", files.client_ca);
  if (!client_ca) return fail(client_ca.error());
  if (auto good = check_certificates(*client_ca); !good) return fail(good.error());
  return TlsTexts{certificate->text, key->text, client_ca->text};
}

}  // namespace cloudless::settings
