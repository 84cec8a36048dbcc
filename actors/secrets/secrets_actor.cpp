#include "actors/secrets/secrets_actor.hpp"

#include <memory>
#include <utility>

#include "actors/owner/owner_link.hpp"
#include "actors/secrets/seal.hpp"
#include "actors/secrets/secret_command.hpp"

namespace cloudless {
namespace {

/// INTERNAL: what it tells itself and hears from the store.
using SecretsShell = secrets_actor::extend<shim::Mpi<caf::result<void>(CommitsPublished)>::type,
                                           shim::Mpi<caf::result<void>(sweep_atom)>::type>;
using SecretPromise = caf::typed_response_promise<Carried<SecretReply>>;

struct SecretsRoom {
  SecretsRoom(SecretsShell::pointer actor, store_actor store, const Clock& time, SecretKey with)
      : self(actor),
        clock(time),
        key(std::move(with)),
        link(actor, "secrets", std::move(store), time, {RecordKind::secret},
             [](const std::string& method) { return method.ends_with("Secret"); }) {}

  SecretPromise on_command(const Carried<SecretCommand>& command) {
    auto promise = self->make_response_promise<Carried<SecretReply>>();
    link.answer_command<SecretReply>(
        command->context, promise, [this, command](owner::Plan& plan) -> Result<SecretReply> {
          auto secret = secrets::apply(
              plan, *command,
              {key.key, key.random_bytes(secrets::kNonceBytes), link.head().next_stamp(), clock.wall()});
          if (!secret) return fail(secret.error());
          return SecretReply{std::move(*secret), 0};
        });
    return promise;
  }

  SecretsShell::pointer self;
  const Clock& clock;
  SecretKey key;
  owner::OwnerLink<SecretsShell::pointer> link;
};

/// Destroyed when the actor ends, and with it the promises that would keep the actor.
struct SecretsState {
  static inline const char* name = "secrets";
  explicit SecretsState(SecretsShell::pointer) {}
  std::unique_ptr<SecretsRoom> room;
};

SecretsShell::behavior_type secrets_behavior(SecretsShell::stateful_pointer<SecretsState> self,
                                             const store_actor& store, const Clock* clock,
                                             const std::shared_ptr<const SecretKey>& key) {
  self->state.room = std::make_unique<SecretsRoom>(self, store, *clock, *key);
  SecretsRoom* room = self->state.room.get();
  room->link.start();
  return {
      // From a gateway: judged on the head, answered when durable.
      [room](const Carried<SecretCommand>& command) -> caf::result<Carried<SecretReply>> {
        return room->on_command(command);
      },
      // From the store.
      [room](const CommitsPublished& batch) -> caf::result<void> {
        room->link.published(batch);
        return caf::unit;
      },
      // INTERNAL: the store could not be followed a while ago.
      [room](sweep_atom) -> caf::result<void> {
        room->link.start_again();
        return caf::unit;
      },
  };
}

}  // namespace

secrets_actor spawn_secrets(caf::actor_system& system, store_actor store, const Clock& clock, SecretKey key) {
  return system.spawn(secrets_behavior, std::move(store), &clock,
                      std::make_shared<const SecretKey>(std::move(key)));
}

}  // namespace cloudless
