// A port of ours: publishes an actor to those peers that pass the preface. Until then a connection is ours
// alone: few bytes, a short deadline, a bounded number at once. Only then CAF gets the socket. One thread per
// listener.
#pragma once

#include <caf/all.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "actors/node_link/transport/preface.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::node_link {

struct ListenOptions {
  /// An IPv4 or IPv6 address of this machine. Beyond loopback everything behind the preface is TLS.
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one
  PrefaceKey key;
  Millis deadline = 2000;            ///< for preface and TLS handshake
  std::size_t max_handshakes = 256;  ///< at once; a further one takes the place of the oldest stranger
};

class Listener {
 public:
  /// What became of connections so far.
  struct Counts {
    std::uint64_t accepted = 0;   ///< handed to CAF
    std::uint64_t refused = 0;    ///< wrong secret, or not one of ours
    std::uint64_t timed_out = 0;  ///< not done at the deadline, or before too many others came
  };

  /// What a new peer finds; called once per connection, from the listener's thread.
  using Publish = std::function<caf::strong_actor_ptr()>;

  /// The same actor for all peers. NOT_FOUND: no such address. UNAVAILABLE: the port is taken, or the address
  /// is not this machine's.
  template <class Handle>
  static Result<std::unique_ptr<Listener>> open(caf::actor_system& system, ListenOptions options,
                                                const Handle& published) {
    return open(
        system, std::move(options),
        [found = caf::actor_cast<caf::strong_actor_ptr>(published)] { return found; },
        system.message_types(published));
  }
  /// An actor for each peer, for peers that must not harm each other.
  template <class Handle>
  static Result<std::unique_ptr<Listener>> open(caf::actor_system& system, ListenOptions options,
                                                std::function<Handle()> make) {
    return open(
        system, std::move(options),
        [make = std::move(make)] { return caf::actor_cast<caf::strong_actor_ptr>(make()); },
        system.message_types<Handle>());
  }
  static Result<std::unique_ptr<Listener>> open(caf::actor_system& system, ListenOptions options,
                                                Publish publish, std::set<std::string> interface);

  /// Stops accepting. Links that were handed to CAF go on.
  virtual ~Listener() = default;
  virtual std::uint16_t port() const = 0;
  virtual Counts counts() const = 0;
};

}  // namespace cloudless::node_link
