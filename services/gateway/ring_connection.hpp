// A process's way to the ring of a coordinator elsewhere: dials its ring port, asks the door for the handles,
// and keeps the present ones for the gateway. The mirror (actors/store/mirror_actor.hpp) asks for the store
// again whenever it lost it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "actors/node_link/transport/ring_dialer.hpp"
#include "gateway/call.hpp"

namespace cloudless::gateway {

class RingConnection {
 public:
  /// `who` is for the coordinator's log. The system outlives this.
  RingConnection(caf::actor_system& system, node_link::DialOptions options, std::string who);

  /// For MirrorOptions::find_store. On success the other handles are in owners().
  void find_store(std::function<void(Result<store_actor>)> done);

  const std::shared_ptr<OwnersInUse>& owners() const { return owners_; }
  /// The last search found the ring and no new one was begun.
  bool connected() const { return *connected_; }

 private:
  const std::shared_ptr<OwnersInUse> owners_ = std::make_shared<OwnersInUse>();
  const std::shared_ptr<std::atomic<bool>> connected_ = std::make_shared<std::atomic<bool>>(false);
  node_link::RingDialer dialer_;
};

}  // namespace cloudless::gateway
