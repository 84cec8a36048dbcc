#include "actors/secrets/seal.hpp"

#include <openssl/evp.h>

#include <memory>

namespace cloudless::secrets {
namespace {

constexpr char kFormat = 1;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kMostBytes = 1 << 20;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Result<std::string> seal(const std::string& key, const std::string& nonce, const std::string& path,
                         const std::string& plain) {
  if (key.size() != kKeyBytes || nonce.size() != kNonceBytes || plain.size() > kMostBytes)
    return fail(Errc::internal, "a secret cannot be sealed: wrong size of key, nonce or value");
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  std::string body(plain.size(), '\0'), tag(kTagBytes, '\0');
  int size = 0;
  const bool sealed =
      cipher &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), bytes_of(nonce)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes_of(path), static_cast<int>(path.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), bytes_of(body), &size, bytes_of(plain),
                        static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), bytes_of(body) + size, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()) == 1;
  if (!sealed) return fail(Errc::internal, "a secret cannot be sealed: OpenSSL refuses");
  return std::string(1, kFormat) + nonce + body + tag;
}

Result<std::string> unseal(const std::string& key, const std::string& path, const std::string& sealed) {
  const auto wrong = [&path] {
    return fail(Errc::data_loss, path + " cannot be opened: it was sealed with another key, or changed");
  };
  constexpr std::size_t kFrame = 1 + kNonceBytes + kTagBytes;
  if (key.size() != kKeyBytes || sealed.size() < kFrame || sealed.size() > kMostBytes + kFrame ||
      sealed.front() != kFormat)
    return wrong();
  const std::string nonce = sealed.substr(1, kNonceBytes);
  const std::string body = sealed.substr(1 + kNonceBytes, sealed.size() - kFrame);
  std::string tag = sealed.substr(sealed.size() - kTagBytes);
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  std::string plain(body.size(), '\0');
  int size = 0;
  const bool opened =
      cipher &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), bytes_of(nonce)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, bytes_of(path), static_cast<int>(path.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes_of(plain), &size, bytes_of(body),
                        static_cast<int>(body.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), bytes_of(plain) + size, &size) == 1;
  if (!opened) return wrong();
  return plain;
}

}  // namespace cloudless::secrets
