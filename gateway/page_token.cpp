#include "gateway/page_token.hpp"

#include <cstdint>
#include <string_view>

namespace cloudless::gateway {
namespace {

constexpr char kVersion = '1';
constexpr std::size_t kHexOf64 = 16;
constexpr std::size_t kLongest = 2048;

/// FNV-1a: against mistakes, not against attackers, who may read every page anyway.
std::uint64_t checksum(std::string_view list, std::string_view body) {
  std::uint64_t h = 0xcbf29ce484222325u;
  auto mix = [&h](std::string_view bytes) {
    for (unsigned char c : bytes) h = (h ^ c) * 0x100000001b3u;
    h = (h ^ 0xff) * 0x100000001b3u;
  };
  mix(list);
  mix(body);
  return h;
}

void append_hex(std::string& out, std::uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 15];
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool read_hex(std::string_view text, std::uint64_t& value) {
  value = 0;
  for (char c : text) {
    if (digit(c) < 0) return false;
    value = value << 4 | static_cast<std::uint64_t>(digit(c));
  }
  return true;
}

}  // namespace

std::string encode_token(const PageToken& token, const std::string& list) {
  std::string body;
  append_hex(body, token.revision);
  for (unsigned char c : token.position) {
    body += "0123456789abcdef"[c >> 4];
    body += "0123456789abcdef"[c & 15];
  }
  std::string out(1, kVersion);
  append_hex(out, checksum(list, body));
  return out + body;
}

Result<PageToken> decode_token(const std::string& text, const std::string& list) {
  const auto refused =
      fail(Error{Errc::invalid_argument,
                 "page_token is not from this list",
                 {{"page_token", "give it back unchanged, with the same filters, or leave it empty"}}});
  const std::string_view all(text);
  if (all.size() < 1 + 2 * kHexOf64 || all.size() > kLongest || all[0] != kVersion) return refused;
  const auto body = all.substr(1 + kHexOf64);
  PageToken token;
  std::uint64_t sum = 0;
  if (!read_hex(all.substr(1, kHexOf64), sum) || sum != checksum(list, body)) return refused;
  if (!read_hex(body.substr(0, kHexOf64), token.revision)) return refused;
  const auto position = body.substr(kHexOf64);
  if (position.size() % 2 != 0) return refused;
  for (std::size_t i = 0; i < position.size(); i += 2) {
    std::uint64_t byte = 0;
    if (!read_hex(position.substr(i, 2), byte)) return refused;
    token.position += static_cast<char>(byte);
  }
  return token;
}

}  // namespace cloudless::gateway
