// Who a caller is, from the certificate that the connection was made with.
#pragma once

#include <string>
#include <string_view>

namespace cloudless::gateway {

/// Bytes of a certificate's name that is a principal as it is.
inline constexpr std::size_t kMaxName = 256;

/// `name` as the certificate says it, if it is of 1 to kMaxName bytes of UTF-8 that can be printed: it goes
/// into events, messages and records. Otherwise "certificate " and its SHA-256 fingerprint, as `openssl x509
/// -fingerprint -sha256` shows it, without colons and in small letters. `certificate` is PEM.
std::string principal_name(std::string_view name, std::string_view certificate);

}  // namespace cloudless::gateway
