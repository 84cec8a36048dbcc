#include "actors/node_link/transport/preface.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace cloudless::node_link {
namespace {

constexpr std::string_view kMagic = "cloudless-link-1";
static_assert(kMagic.size() + kNonceBytes == kGreetingBytes);

/// HMAC-SHA-256 over who speaks, the purpose and both nonces.
std::string mac(const PrefaceKey& key, std::string_view speaker, std::string_view server_nonce,
                std::string_view client_nonce) {
  std::string text;
  text.append(kMagic).append(1, '\0').append(speaker).append(1, '\0').append(key.purpose).append(1, '\0');
  text.append(server_nonce).append(client_nonce);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.secret.data(), static_cast<int>(key.secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool is_greeting(std::string_view bytes) {
  return bytes.size() == kGreetingBytes && bytes.starts_with(kMagic);
}

}  // namespace

std::string greeting(std::string_view nonce) {
  return std::string(kMagic).append(nonce);
}

std::optional<std::string> proof(const PrefaceKey& key, std::string_view greeting, std::string_view nonce) {
  if (!is_greeting(greeting) || nonce.size() != kNonceBytes) return std::nullopt;
  return std::string(nonce) + mac(key, "client", greeting.substr(kMagic.size()), nonce);
}

std::optional<std::string> confirmation(const PrefaceKey& key, std::string_view greeting,
                                        std::string_view proof) {
  if (!is_greeting(greeting) || proof.size() != kProofBytes) return std::nullopt;
  const auto server_nonce = greeting.substr(kMagic.size());
  const auto client_nonce = proof.substr(0, kNonceBytes);
  if (!same(proof.substr(kNonceBytes), mac(key, "client", server_nonce, client_nonce))) return std::nullopt;
  return mac(key, "server", server_nonce, client_nonce);
}

bool confirmed(const PrefaceKey& key, std::string_view greeting, std::string_view proof,
               std::string_view confirmation) {
  if (!is_greeting(greeting) || proof.size() != kProofBytes) return false;
  return same(confirmation, mac(key, "server", greeting.substr(kMagic.size()), proof.substr(0, kNonceBytes)));
}

}  // namespace cloudless::node_link
