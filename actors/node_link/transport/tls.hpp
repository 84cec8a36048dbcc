// TLS 1.3 over a connected socket, with a key that both ends know and no certificate: whoever finishes the
// handshake has proved that it knows the key, and keys of earlier connections tell nothing about later ones
// (psk_dhe_ke). Not thread-safe; used by one thread after the other.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace cloudless::node_link {

class TlsSession {
 public:
  enum class Side : std::uint8_t { client, server };
  /// `fd` is non-blocking, and outlives the session; `key`: 32 bytes.
  TlsSession(Side side, int fd, std::string key);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Progress : std::uint8_t { done, wants_read, wants_write, failed };
  /// To be called again when the socket is ready, until it is done or has failed.
  Progress handshake();

  /// Bytes moved; 0: none at the moment. `alive` is false at the end of the connection, or when what came is
  /// not the other end's.
  struct Moved {
    std::size_t bytes = 0;
    bool alive = true;
  };
  Moved read(void* buffer, std::size_t size);
  /// After 0 the same bytes are to be given again.
  Moved write(const void* bytes, std::size_t size);
  /// Decrypted and not read yet: the socket does not become readable for them.
  std::size_t pending() const;

 private:
  Moved moved(int result) const;

  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  std::string key_;
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace cloudless::node_link
