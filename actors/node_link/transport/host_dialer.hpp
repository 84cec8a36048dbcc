// The way to a cloudless-host (messages/host.hpp): dials its port and places an actor of ours on it with
// CAF's remote_spawn, without blocking the caller.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "actors/node_link/transport/dialer.hpp"
#include "messages/host.hpp"

namespace cloudless::node_link {

class HostDialer {
 public:
  using Done = std::function<void(Result<caf::strong_actor_ptr>)>;

  /// `who`: what places, for the host's log. The key's purpose is kHostPurpose.
  HostDialer(caf::actor_system& system, DialOptions options, std::string who);

  /// Places an actor under the name that the host gives to its kind. Answers exactly once, from another
  /// thread, with an actor that offers Handle's interface. Errors are those of Dialer::dial; NOT_FOUND if the
  /// host knows no such kind, INVALID_ARGUMENT if it does not take these arguments, FAILED_PRECONDITION if
  /// what it makes has another interface, DEADLINE_EXCEEDED if it keeps silent.
  template <class Handle, class... Args>
  void place(std::string kind, Done done, Args&&... args) {
    place(std::move(kind), caf::make_message(std::forward<Args>(args)...), system_.message_types<Handle>(),
          std::move(done));
  }

 private:
  void place(std::string kind, caf::message args, std::set<std::string> interface, Done done);

  caf::actor_system& system_;
  const std::string who_;
  Dialer dialer_;
};

}  // namespace cloudless::node_link
