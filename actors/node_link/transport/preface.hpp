// What both ends say before a socket is handed to CAF: each proves that it knows the secret, without showing
// it, so that nobody else's bytes ever reach CAF's parser (ARCHITECTURE.md, rule 13). Pure; nonces are
// arguments.
//   server: greeting (16 bytes magic, 32 bytes nonce)   client: proof (32 bytes nonce, 32 bytes MAC)
//   server: confirmation (32 bytes MAC)
// The magic says whether TLS follows, with a key of this connection's own; the MACs cover it, so nobody in
// between can turn it into the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cloudless::node_link {

inline constexpr std::size_t kNonceBytes = 32;
inline constexpr std::size_t kGreetingBytes = 16 + kNonceBytes;
inline constexpr std::size_t kProofBytes = kNonceBytes + 32;
inline constexpr std::size_t kConfirmationBytes = 32;

/// The secret of a port, and what the port is for: a proof for one purpose is none for another.
struct PrefaceKey {
  std::string secret;
  std::string purpose;
};

/// The ports of a coordinator.
inline constexpr const char* kLinkPurpose = "node-link";
inline constexpr const char* kRingPurpose = "ring";
/// The port of a cloudless-host.
inline constexpr const char* kHostPurpose = "host";

/// What the bytes behind the preface are.
enum class Channel : std::uint8_t { plain, encrypted };

/// The server's first bytes. `nonce`: kNonceBytes random bytes, never used before.
std::string greeting(std::string_view nonce, Channel channel);

/// Absent if the greeting is not of this version.
std::optional<Channel> channel_of(std::string_view greeting);

/// The client's answer; absent if the greeting is not of this version.
std::optional<std::string> proof(const PrefaceKey& key, std::string_view greeting, std::string_view nonce);

/// The server's answer; absent if the proof is wrong. Takes the same time wherever the difference is.
std::optional<std::string> confirmation(const PrefaceKey& key, std::string_view greeting,
                                        std::string_view proof);

/// The client's last check: the server knows the secret, too.
bool confirmed(const PrefaceKey& key, std::string_view greeting, std::string_view proof,
               std::string_view confirmation);

/// The key of an encrypted channel, 32 bytes. `greeting` and `proof` are whole.
std::string channel_key(const PrefaceKey& key, std::string_view greeting, std::string_view proof);

}  // namespace cloudless::node_link
