// Settings that every process with a gRPC port shares: its address and certificate, and who may reach it.
#pragma once

#include <optional>
#include <string>

#include "services/settings/settings.hpp"

namespace cloudless::settings {

struct Tls {
  std::string certificate;  ///< PEM file; empty: plain text
  std::string key;          ///< PEM file
  std::string client_ca;    ///< PEM file; given: clients need a certificate of this authority
};
/// The files' content.
using TlsTexts = Tls;

/// "<group>.tls_certificate" and so on.
void add_tls(Settings& form, const std::string& group, Tls& values);

/// What is wrong with addresses and certificates; one line each.
class Exposure {
 public:
  /// With TLS an address may be open to other machines.
  void check(const std::string& group, const Address& address, const Tls& tls);
  /// For ports without TLS.
  void loopback_only(const std::string& name, const std::optional<Address>& address);
  void refuse(const std::string& line);
  /// INVALID_ARGUMENT with all of it.
  Result<void> result() const;

 private:
  std::string lines_;
};

/// Of settings that passed `check`. NOT_FOUND names the file that cannot be read, INVALID_ARGUMENT says what
/// is wrong with a certificate, a key, or the two of them.
Result<TlsTexts> load(const std::string& group, const Tls& files);

}  // namespace cloudless::settings
