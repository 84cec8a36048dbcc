// Connects to a Listener of ours: TCP, preface and TLS on a thread of its own, with a deadline; then CAF
// takes the socket and the published actor is handed over. One thread per dialer, one attempt at a time.
#pragma once

#include <caf/all.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "actors/node_link/dial_port.hpp"
#include "actors/node_link/transport/preface.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::node_link {

struct DialOptions {
  std::string address = "127.0.0.1";  ///< a host name or address
  std::uint16_t port = 0;
  PrefaceKey key;
  Millis deadline = 2000;  ///< for all until the socket is CAF's, and as much again for CAF's own handshake
};

class Dialer {
 public:
  using Done = std::function<void(Result<caf::strong_actor_ptr>)>;

  /// `interface`: what the published actor must offer, from actor_system::message_types. The system must
  /// outlive the dialer.
  Dialer(caf::actor_system& system, DialOptions options, std::set<std::string> interface);
  /// Waits for the attempt that is under way; those not begun answer UNAVAILABLE.
  ~Dialer();
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  /// Answers exactly once, from another thread. UNAVAILABLE: nobody there, or too slow; PERMISSION_DENIED:
  /// the secrets differ; FAILED_PRECONDITION: another version, another kind of port, or one beyond this
  /// machine that does not encrypt.
  void dial(Done done);

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

/// An agent's way to its coordinator's node link.
class LinkDialer : public DialPort {
 public:
  LinkDialer(caf::actor_system& system, DialOptions options);
  void dial(std::function<void(Result<door_actor>)> done) override;

 private:
  Dialer dialer_;
};

}  // namespace cloudless::node_link
