#include "services/coordinator/owners_ready.hpp"

#include <chrono>
#include <thread>

#include "messages/caf_error.hpp"

namespace cloudless::coordinator {
namespace {

using namespace std::chrono_literals;

/// The owner's word on a question that changes nothing; UNAVAILABLE while it loads.
template <class Reply, class Owner, class Question>
Errc ask(caf::scoped_actor& self, const Owner& owner, const Question& question) {
  Errc code = Errc::none;
  self->request(owner, 5s, question)
      .receive([](const Reply&) {}, [&code](const caf::error& error) { code = from_caf(error).code; });
  return code;
}

}  // namespace

Result<void> await_owners(caf::actor_system& system, const workload_state_actor& workloads,
                          const node_membership_actor& nodes, const secrets_actor& secrets, Millis patience) {
  const Carried<Proposal> nothing(Proposal{"coordinator", 0, {}});
  const Carried<NodeCommand> nobody(NodeCommand{{}, CordonNode{}});
  const Carried<SecretCommand> none(SecretCommand{{}, DeleteSecret{}});
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience);
  caf::scoped_actor self(system);
  while (ask<Carried<ProposalAnswer>>(self, workloads, nothing) == Errc::unavailable ||
         ask<Carried<NodeReply>>(self, nodes, nobody) == Errc::unavailable ||
         ask<Carried<SecretReply>>(self, secrets, none) == Errc::unavailable) {
    if (std::chrono::steady_clock::now() > end) return fail(Errc::unavailable, "the owners do not get ready");
    std::this_thread::sleep_for(2ms);
  }
  return {};
}

}  // namespace cloudless::coordinator
