// PEM files with certificates and keys: read with a bound, and judged before gRPC sees them, whose own
// refusals name neither the file nor the reason.
#pragma once

#include <string>

#include "messages/domain/error.hpp"

namespace cloudless::settings {

/// Bytes; a machine's whole list of authorities has a quarter of it.
inline constexpr std::size_t kMaxPemFile = 1 << 20;

struct PemFile {
  std::string option;  ///< the setting or option that names it, for messages
  std::string path;
  std::string text;
};

/// NOT_FOUND if it cannot be read, INVALID_ARGUMENT if it is larger than kMaxPemFile.
Result<PemFile> read_pem(const std::string& option, const std::string& path);

/// INVALID_ARGUMENT unless it holds at least one certificate, and none that cannot be read.
Result<void> check_certificates(const PemFile& file);

/// INVALID_ARGUMENT unless `key` holds a private key without a passphrase that belongs to the first
/// certificate of `certificate`. Messages say nothing of the key itself.
Result<void> check_pair(const PemFile& certificate, const PemFile& key);

}  // namespace cloudless::settings
