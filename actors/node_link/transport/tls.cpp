#include "actors/node_link/transport/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <utility>

namespace cloudless::node_link {
namespace {

/// A key is for one connection and one purpose, so it needs no name.
constexpr char kIdentity[] = "cloudless";
/// OpenSSL's plain way to give a key in TLS 1.3 knows this suite alone.
constexpr char kSuite[] = "TLS_AES_128_GCM_SHA256";

unsigned int copy_key(SSL* ssl, unsigned char* out, unsigned int room) {
  const auto& key = *static_cast<const std::string*>(SSL_get_app_data(ssl));
  if (key.size() > room) return 0;
  std::memcpy(out, key.data(), key.size());
  return static_cast<unsigned int>(key.size());
}

unsigned int client_key(SSL* ssl, const char*, char* identity, unsigned int identity_room, unsigned char* out,
                        unsigned int room) {
  if (identity_room < sizeof kIdentity) return 0;
  std::memcpy(identity, kIdentity, sizeof kIdentity);
  return copy_key(ssl, out, room);
}

unsigned int server_key(SSL* ssl, const char* identity, unsigned char* out, unsigned int room) {
  return std::strcmp(identity, kIdentity) == 0 ? copy_key(ssl, out, room) : 0;
}

SSL_CTX* make_context() {
  SSL_CTX* context = SSL_CTX_new(TLS_method());
  // Whatever the machine's openssl.cnf says of other programs.
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_clear_options(context, SSL_OP_ALLOW_NO_DHE_KEX | SSL_OP_ENABLE_KTLS);
  SSL_CTX_set_ciphersuites(context, kSuite);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_psk_client_callback(context, client_key);
  SSL_CTX_set_psk_server_callback(context, server_key);
  return context;
}

/// One for the process, to its end.
SSL_CTX* context() {
  static SSL_CTX* const made = make_context();
  return made;
}

int send_without_signal(BIO* bio, const char* bytes, int count) {
  BIO_clear_retry_flags(bio);
  const auto sent = static_cast<int>(::send(static_cast<int>(BIO_get_fd(bio, nullptr)), bytes,
                                            static_cast<std::size_t>(count), MSG_NOSIGNAL));
  if (sent < 0 && BIO_sock_should_retry(sent) != 0) BIO_set_retry_write(bio);
  return sent;
}

/// OpenSSL's own raises SIGPIPE when the other end has gone.
BIO_METHOD* make_socket_method() {
  const BIO_METHOD* usual = BIO_s_socket();
  BIO_METHOD* method =
      BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "quiet socket");
  BIO_meth_set_write(method, send_without_signal);
  BIO_meth_set_read(method, BIO_meth_get_read(usual));
  BIO_meth_set_ctrl(method, BIO_meth_get_ctrl(usual));
  BIO_meth_set_create(method, BIO_meth_get_create(usual));
  BIO_meth_set_destroy(method, BIO_meth_get_destroy(usual));
  return method;
}

BIO* quiet_socket(int fd) {
  static BIO_METHOD* const method = make_socket_method();
  BIO* bio = BIO_new(method);
  BIO_set_fd(bio, fd, BIO_NOCLOSE);
  return bio;
}

int whole(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

}  // namespace

TlsSession::TlsSession(Side side, int fd, std::string key) : key_(std::move(key)), ssl_(SSL_new(context())) {
  SSL_set_app_data(ssl_.get(), &key_);
  BIO* bio = quiet_socket(fd);
  SSL_set_bio(ssl_.get(), bio, bio);
  if (side == Side::server) {
    SSL_set_accept_state(ssl_.get());
  } else {
    // A server that has a certificate instead of the key is nobody that is known.
    SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_set_connect_state(ssl_.get());
  }
}

TlsSession::Progress TlsSession::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  // By the key, that is, and not by anything else that OpenSSL might accept.
  if (result == 1) return SSL_session_reused(ssl_.get()) == 1 ? Progress::done : Progress::failed;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Progress::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Progress::wants_write;
    default:
      return Progress::failed;
  }
}

TlsSession::Moved TlsSession::read(void* buffer, std::size_t size) {
  ERR_clear_error();
  return moved(SSL_read(ssl_.get(), buffer, whole(size)));
}

TlsSession::Moved TlsSession::write(const void* bytes, std::size_t size) {
  ERR_clear_error();
  return moved(SSL_write(ssl_.get(), bytes, whole(size)));
}

TlsSession::Moved TlsSession::moved(int result) const {
  if (result > 0) return {static_cast<std::size_t>(result), true};
  const int why = SSL_get_error(ssl_.get(), result);
  return {0, why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE};
}

std::size_t TlsSession::pending() const {
  return static_cast<std::size_t>(SSL_pending(ssl_.get()));
}

}  // namespace cloudless::node_link
