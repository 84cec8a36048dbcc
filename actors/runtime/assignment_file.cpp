#include "actors/runtime/assignment_file.hpp"

#include <openssl/sha.h>

#include <array>
#include <cstdint>

namespace cloudless::runtime {
namespace {

constexpr std::string_view kMagic = "cloudless-agent-state ";
constexpr std::string_view kVersionLine = "1\n";
constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kHeaderBytes =
    kMagic.size() + kVersionLine.size() + kLengthBytes + SHA256_DIGEST_LENGTH;

std::string length_bytes(std::uint64_t length) {
  std::string out(kLengthBytes, '\0');
  for (auto& byte : out) {
    byte = static_cast<char>(length & 0xff);
    length >>= 8;
  }
  return out;
}

std::string digest(std::string_view payload) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> sum{};
  SHA256(reinterpret_cast<const unsigned char*>(payload.data()), payload.size(), sum.data());
  return {reinterpret_cast<const char*>(sum.data()), sum.size()};
}

}  // namespace

std::string frame_agent_file(std::string_view payload) {
  std::string out;
  out.reserve(kHeaderBytes + payload.size());
  out.append(kMagic)
      .append(kVersionLine)
      .append(length_bytes(payload.size()))
      .append(digest(payload))
      .append(payload);
  return out;
}

Result<std::string> unframe_agent_file(std::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic)
    return fail(Errc::data_loss,
                "the agent's state file does not begin as one; it is left alone until a set arrives");
  const std::string_view after_magic = bytes.substr(kMagic.size());
  if (after_magic.substr(0, kVersionLine.size()) != kVersionLine) {
    if (after_magic.find('\n') < 8)
      return fail(Errc::unimplemented,
                  "the agent's state file was written by a newer version; upgrade this agent");
    return fail(Errc::data_loss, "the agent's state file is torn in its first line");
  }
  if (bytes.size() < kHeaderBytes)
    return fail(Errc::data_loss, "the agent's state file is torn in its header");
  const std::string_view payload = bytes.substr(kHeaderBytes);
  const std::string_view fixed = after_magic.substr(kVersionLine.size(), kLengthBytes + SHA256_DIGEST_LENGTH);
  if (fixed.substr(0, kLengthBytes) != length_bytes(payload.size()) ||
      fixed.substr(kLengthBytes) != digest(payload))
    return fail(Errc::data_loss,
                "the agent's state file is torn or was changed: its checksum does not match");
  return std::string{payload};
}

}  // namespace cloudless::runtime
