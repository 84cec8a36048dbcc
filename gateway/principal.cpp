#include "gateway/principal.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>

#include "messages/codec/utf8.hpp"

namespace cloudless::gateway {
namespace {

/// Control characters beyond ASCII's, and those that turn text around or cannot be seen.
bool hides_something(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : static_cast<unsigned char>(0);
    };
    const unsigned char second = byte(i + 1);
    const unsigned char third = byte(i + 2);
    if (byte(i) == 0xc2 && second <= 0x9f) return true;                                    // U+0080..9F
    if (byte(i) == 0xe2 && second == 0x80 && third >= 0x8b && third <= 0x8f) return true;  // U+200B..F
    if (byte(i) == 0xe2 && second == 0x80 && third >= 0xa8 && third <= 0xae) return true;  // U+2028..E
    if (byte(i) == 0xe2 && second == 0x81 && third >= 0xa0 && third <= 0xaf) return true;  // U+2060..F
    if (byte(i) == 0xef && second == 0xbb && third == 0xbf) return true;                   // U+FEFF
  }
  return false;
}

bool is_printable(std::string_view text) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  return std::none_of(text.begin(), text.end(), is_control) && codec::valid_utf8(text) == text &&
         !hides_something(text);
}

std::string fingerprint(std::string_view certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size())), BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> parsed(
      PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), X509_free);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const bool done = parsed && X509_digest(parsed.get(), EVP_sha256(), digest, &size) == 1;
  ERR_clear_error();  // gRPC takes what is left for its own
  if (!done) return "without a name";
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[digest[i] >> 4U];
    out += kDigits[digest[i] & 15U];
  }
  return out;
}

}  // namespace

std::string principal_name(std::string_view name, std::string_view certificate) {
  if (!name.empty() && name.size() <= kMaxName && is_printable(name)) return std::string(name);
  return "certificate " + fingerprint(certificate);
}

}  // namespace cloudless::gateway
