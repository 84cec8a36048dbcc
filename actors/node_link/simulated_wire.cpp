#include "actors/node_link/simulated_wire.hpp"

#include <chrono>
#include <random>
#include <utility>

#include "messages/caf_error.hpp"

namespace cloudless::node_link {
namespace {

/// One connection: the door that an agent finds, then the peer of both sides.
using wire_actor = ActorOf<caf::result<link_peer_actor>(hello_atom, link_peer_actor, std::string),
                           caf::result<void>(frame_atom, std::string),
                           // To itself: a frame arrives, at the coordinator if true.
                           caf::result<void>(frame_atom, std::string, bool)>;

}  // namespace

struct SimulatedWire::State {
  explicit State(std::uint64_t seed) : random(seed) {}

  /// One draw per question, so that a rate of 0 does not shift the rest.
  bool happens(std::uint32_t ppm) { return random() % 1'000'000 < ppm; }

  std::mt19937_64 random;
  WireFaults faults;
  bool silent = false;
  door_actor door;
  wire_actor connection;
  Counts counts;
};

namespace {

struct WireState {
  std::shared_ptr<SimulatedWire::State> net;
  link_peer_actor agent;
  link_peer_actor coordinator;
};

void carry(wire_actor::stateful_pointer<WireState> self, const std::string& bytes, bool to_coordinator) {
  auto& net = *self->state.net;
  const bool lost = net.happens(net.faults.lost_ppm) || net.silent;
  const bool repeated = net.happens(net.faults.repeated_ppm);
  const bool delayed = net.happens(net.faults.delayed_ppm);
  const auto delay =
      net.faults.longest_delay > 0
          ? static_cast<Millis>(net.random() % static_cast<std::uint64_t>(net.faults.longest_delay))
          : 0;
  if (lost) {
    ++net.counts.lost;
    return;
  }
  ++net.counts.carried;
  net.counts.repeated += repeated ? 1 : 0;
  net.counts.delayed += delayed ? 1 : 0;
  for (int i = 0; i < (repeated ? 2 : 1); ++i) {
    if (delayed)
      self->delayed_send(self, std::chrono::milliseconds{delay}, frame_atom_v, bytes, to_coordinator);
    else
      self->send(self, frame_atom_v, bytes, to_coordinator);
  }
}

wire_actor::behavior_type wire(wire_actor::stateful_pointer<WireState> self,
                               std::shared_ptr<SimulatedWire::State> net) {
  self->state.net = std::move(net);
  // Whichever side ends: the other one sees this actor end.
  self->set_down_handler([self](caf::down_msg&) { self->quit(); });
  return {
      [self](hello_atom, const link_peer_actor& agent,
             const std::string& bytes) -> caf::result<link_peer_actor> {
        auto& state = self->state;
        if (!state.net->door || state.net->silent) return to_caf({Errc::unavailable, "nobody there", {}});
        state.agent = agent;
        self->monitor(agent);
        auto promise = self->make_response_promise<link_peer_actor>();
        self->request(state.net->door, std::chrono::seconds{5}, hello_atom_v,
                      link_peer_actor{wire_actor{self}}, bytes)
            .then(
                [self, promise](const link_peer_actor& coordinator) mutable {
                  self->state.coordinator = coordinator;
                  self->monitor(coordinator);
                  promise.deliver(link_peer_actor{wire_actor{self}});
                },
                [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
        return promise;
      },
      [self](frame_atom, const std::string& bytes) {
        carry(self, bytes,
              self->current_sender() == caf::actor_cast<caf::strong_actor_ptr>(self->state.agent));
      },
      [self](frame_atom, const std::string& bytes, bool to_coordinator) {
        const auto& to = to_coordinator ? self->state.coordinator : self->state.agent;
        if (to) self->send(to, frame_atom_v, bytes);
      },
  };
}

}  // namespace

SimulatedWire::SimulatedWire(caf::actor_system& system, std::uint64_t seed)
    : system_(system), state_(std::make_shared<State>(seed)) {}

SimulatedWire::~SimulatedWire() {
  cut();
}

void SimulatedWire::set_door(door_actor door) {
  state_->door = std::move(door);
}
void SimulatedWire::set_faults(WireFaults faults) {
  state_->faults = faults;
}
void SimulatedWire::set_silent(bool silent) {
  state_->silent = silent;
}
SimulatedWire::Counts SimulatedWire::counts() const {
  return state_->counts;
}

void SimulatedWire::cut() {
  if (!state_->connection) return;
  ++state_->counts.cuts;
  caf::anon_send_exit(state_->connection, caf::exit_reason::kill);
  state_->connection = nullptr;
}

void SimulatedWire::dial(std::function<void(Result<door_actor>)> done) {
  ++state_->counts.dialed;
  if (!state_->door || state_->silent) return done(fail(Errc::unavailable, "nobody there"));
  // Not the one before: its frames may still be under way.
  if (state_->connection) caf::anon_send_exit(state_->connection, caf::exit_reason::user_shutdown);
  state_->connection = system_.spawn(wire, state_);
  done(door_actor{state_->connection});
}

}  // namespace cloudless::node_link
