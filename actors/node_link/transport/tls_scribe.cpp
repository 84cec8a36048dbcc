#include "actors/node_link/transport/tls_scribe.hpp"

#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/stream_impl.hpp>
#include <string>
#include <utility>
#include <vector>

namespace cloudless::node_link {
namespace {

namespace network = caf::io::network;

/// How CAF's stream reads and writes.
class TlsPolicy {
 public:
  explicit TlsPolicy(std::unique_ptr<TlsSession> session) : session_(std::move(session)) {}

  network::rw_state read_some(std::size_t& moved, network::native_socket, void* buffer, std::size_t size) {
    moved = 0;
    if (size == 0) return network::rw_state::indeterminate;
    return told(moved, session_->read(buffer, size));
  }
  network::rw_state write_some(std::size_t& moved, network::native_socket, const void* bytes,
                               std::size_t size) {
    // To the stream "indeterminate" means that there is nothing to be written, and 0 that it is asked again.
    moved = 0;
    if (size == 0) return network::rw_state::indeterminate;
    return told(moved, session_->write(bytes, size));
  }
  /// What is decrypted already makes no event.
  bool must_read_more(network::native_socket, std::size_t wanted) const {
    return session_->pending() >= wanted;
  }

 private:
  static network::rw_state told(std::size_t& moved, const TlsSession::Moved& what) {
    moved = what.bytes;
    return what.alive ? network::rw_state::success : network::rw_state::failure;
  }

  std::unique_ptr<TlsSession> session_;
};

/// A connection as CAF's brokers see it; what its own one for plain sockets does.
class TlsScribe final : public caf::io::scribe {
 public:
  TlsScribe(network::default_multiplexer& loop, network::native_socket fd,
            std::unique_ptr<TlsSession> session)
      : caf::io::scribe(network::conn_hdl_from_socket(fd)),
        stream_(loop, fd, TlsPolicy(std::move(session))) {}

  void configure_read(caf::io::receive_policy::config config) override {
    stream_.configure_read(config);
    if (std::exchange(launched_, true)) return;
    stream_.start(this);
  }
  void ack_writes(bool enable) override { stream_.ack_writes(enable); }
  std::vector<char>& wr_buf() override { return stream_.wr_buf(); }
  std::vector<char>& rd_buf() override { return stream_.rd_buf(); }
  void graceful_shutdown() override {
    stream_.graceful_shutdown();
    detach(&stream_.backend(), false);
  }
  void flush() override { stream_.flush(this); }
  std::string addr() const override {
    const auto known = network::remote_addr_of_fd(stream_.fd());
    return known ? *known : "";
  }
  std::uint16_t port() const override {
    const auto known = network::remote_port_of_fd(stream_.fd());
    return known ? *known : std::uint16_t{0};
  }
  void add_to_loop() override { stream_.activate(this); }
  void remove_from_loop() override { stream_.passivate(); }

 private:
  bool launched_ = false;
  network::stream_impl<TlsPolicy> stream_;
};

}  // namespace

caf::io::scribe_ptr to_caf_socket(caf::actor_system& system, Socket socket,
                                  std::unique_ptr<TlsSession> session) {
  // As CAF does with plain ones.
  network::keepalive(socket.fd(), true);
  auto& loop = static_cast<network::default_multiplexer&>(system.middleman().backend());
  return caf::make_counted<TlsScribe>(loop, socket.release(), std::move(session));
}

}  // namespace cloudless::node_link
