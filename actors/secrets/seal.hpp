// Seals a secret's value for the store: AES-256-GCM by OpenSSL. Pure: key and nonce are arguments. A sealed
// value opens only with the same key and under the same path, so that one record's value cannot be put into
// another's place.
#pragma once

#include <string>

#include "messages/domain/error.hpp"

namespace cloudless::secrets {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kNonceBytes = 12;

/// `path`: of the record, "secret/<namespace>/<name>". A nonce is never used twice with one key.
Result<std::string> seal(const std::string& key, const std::string& nonce, const std::string& path,
                         const std::string& plain);
/// DATA_LOSS: it was sealed with another key or for another path, or it was changed.
Result<std::string> unseal(const std::string& key, const std::string& path, const std::string& sealed);

}  // namespace cloudless::secrets
