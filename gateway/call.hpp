// One request on its way from gRPC to an owner and back. Made in a gRPC callback, travels through a gateway
// actor as a local-only message, and is finished exactly once: with the owner's answer, with an error, or
// with UNAVAILABLE by its destructor when whoever held it dropped it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <variant>

#include "messages/carried.hpp"
#include "messages/events.hpp"
#include "messages/node_link.hpp"
#include "messages/node_membership.hpp"
#include "messages/secrets.hpp"
#include "messages/workload_state.hpp"

namespace cloudless::gateway {

using Ask =
    std::variant<Carried<WorkloadCommand>, Carried<NodeCommand>, Carried<EventQuery>, Carried<SecretCommand>>;
using Answer =
    std::variant<Carried<CommandReply>, Carried<NodeReply>, Carried<EventList>, Carried<SecretReply>>;

class Call {
 public:
  using Done = std::function<void(Result<Answer>)>;

  /// `budget`: how long the owner may take.
  Call(Ask ask, Millis budget, Done done) : ask_(std::move(ask)), budget_(budget), done_(std::move(done)) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    finish(fail(Errc::unavailable,
                "the part of the control plane that answers this is away; whether it was carried out is "
                "not known, try again"));
  }

  const Ask& ask() const { return ask_; }
  Millis budget() const { return budget_; }
  /// The first one counts.
  void finish(Result<Answer> result) {
    if (auto done = std::exchange(done_, nullptr)) done(std::move(result));
  }

 private:
  Ask ask_;
  Millis budget_;
  Done done_;
};
using CallPtr = std::shared_ptr<Call>;

}  // namespace cloudless::gateway

CAF_BEGIN_TYPE_ID_BLOCK(cloudless_gateway, caf::first_custom_type_id + 140)
CAF_ADD_TYPE_ID(cloudless_gateway, (cloudless::gateway::CallPtr))
CAF_END_TYPE_ID_BLOCK(cloudless_gateway)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::gateway::CallPtr)

namespace cloudless::gateway {

/// Call before the system is made, beside register_messages.
void register_gateway(caf::actor_system_config& config);

/// Hands a call to the owner that answers it, and the owner's answer back. A gateway has a small pool of
/// them.
using gateway_actor = ActorOf<caf::result<void>(CallPtr)>;

/// Who answers. Absent ones are answered for with UNAVAILABLE.
struct Owners {
  workload_state_actor workloads;
  node_membership_actor nodes;
  events_actor events;
  link_hub_actor links;
  secrets_actor secrets{};
};

/// The owners at present: a gateway in a process of its own gets new handles with every new connection.
/// Thread-safe.
class OwnersInUse {
 public:
  OwnersInUse() : now_(std::make_shared<const Owners>()) {}
  explicit OwnersInUse(Owners owners) : now_(std::make_shared<const Owners>(std::move(owners))) {}
  std::shared_ptr<const Owners> now() const { return now_.load(std::memory_order_acquire); }
  void set(Owners owners) {
    now_.store(std::make_shared<const Owners>(std::move(owners)), std::memory_order_release);
  }

 private:
  std::atomic<std::shared_ptr<const Owners>> now_;
};

gateway_actor spawn_gateway(caf::actor_system& system, std::shared_ptr<const OwnersInUse> owners);

}  // namespace cloudless::gateway
