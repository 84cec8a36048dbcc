#include "actors/node_link/transport/preface.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace cloudless::node_link {
namespace {

constexpr std::string_view kPlain = "cloudless-link-1";
constexpr std::string_view kEncrypted = "cloudless-tls--1";
constexpr std::size_t kMagicBytes = kPlain.size();
static_assert(kMagicBytes + kNonceBytes == kGreetingBytes && kEncrypted.size() == kMagicBytes);

/// HMAC-SHA-256 over who speaks, the purpose and the greeting with both nonces.
std::string mac(const PrefaceKey& key, std::string_view speaker, std::string_view greeting,
                std::string_view client_nonce) {
  std::string text;
  text.append(greeting.substr(0, kMagicBytes)).append(1, '\0').append(speaker).append(1, '\0');
  text.append(key.purpose).append(1, '\0').append(greeting.substr(kMagicBytes)).append(client_nonce);
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
  return channel_of(bytes).has_value();
}

}  // namespace

std::string greeting(std::string_view nonce, Channel channel) {
  return std::string(channel == Channel::plain ? kPlain : kEncrypted).append(nonce);
}

std::optional<Channel> channel_of(std::string_view greeting) {
  if (greeting.size() != kGreetingBytes) return std::nullopt;
  if (greeting.starts_with(kPlain)) return Channel::plain;
  if (greeting.starts_with(kEncrypted)) return Channel::encrypted;
  return std::nullopt;
}

std::optional<std::string> proof(const PrefaceKey& key, std::string_view greeting, std::string_view nonce) {
  if (!is_greeting(greeting) || nonce.size() != kNonceBytes) return std::nullopt;
  return std::string(nonce) + mac(key, "client", greeting, nonce);
}

std::optional<std::string> confirmation(const PrefaceKey& key, std::string_view greeting,
                                        std::string_view proof) {
  if (!is_greeting(greeting) || proof.size() != kProofBytes) return std::nullopt;
  const auto nonce = proof.substr(0, kNonceBytes);
  if (!same(proof.substr(kNonceBytes), mac(key, "client", greeting, nonce))) return std::nullopt;
  return mac(key, "server", greeting, nonce);
}

bool confirmed(const PrefaceKey& key, std::string_view greeting, std::string_view proof,
               std::string_view confirmation) {
  if (!is_greeting(greeting) || proof.size() != kProofBytes) return false;
  return same(confirmation, mac(key, "server", greeting, proof.substr(0, kNonceBytes)));
}

std::string channel_key(const PrefaceKey& key, std::string_view greeting, std::string_view proof) {
  return mac(key, "channel", greeting, proof.substr(0, kNonceBytes));
}

}  // namespace cloudless::node_link
