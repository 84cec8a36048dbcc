// The owner of secrets. Gateways hand it commands with values in the open; it seals them and talks to the
// store. Nothing that it says contains a value.
#pragma once

#include <functional>
#include <string>

#include "messages/domain/time.hpp"
#include "messages/secrets.hpp"

namespace cloudless {

/// The key that seals, and where nonces come from.
struct SecretKey {
  std::string key;                                       ///< 32 bytes
  std::function<std::string(std::size_t)> random_bytes;  ///< never the same twice
};

/// UNAVAILABLE to everybody until the store has answered. `clock` outlives the system. Ends when the store
/// keeps silent.
secrets_actor spawn_secrets(caf::actor_system& system, store_actor store, const Clock& clock, SecretKey key);

}  // namespace cloudless
