// Secrets: what workloads need and nobody may read back. Their values are sealed in the store and open only
// in the coordinator's memory and on the nodes whose replicas name them.
#pragma once

#include <string>
#include <variant>

#include "messages/domain/command.hpp"
#include "messages/domain/ids.hpp"
#include "messages/domain/time.hpp"

namespace cloudless {

/// What a registry asks for. Never logged, never part of a message for people.
struct RegistryCredentials {
  std::string server;  ///< "host" or "host:port" as in image references; "docker.io" for Docker Hub
  std::string username;
  std::string password;
  bool operator==(const RegistryCredentials&) const = default;
};

/// Record "secret/<namespace>/<name>". Owner: secrets.
struct Secret {
  std::string ns;
  std::string name;
  Revision revision = 0;  ///< moves with every write
  std::string server;     ///< of the credentials, in the open: for lists and for choosing
  std::string sealed;     ///< user name and password, see actors/secrets/seal
  WallMillis created_at = 0;
  WallMillis updated_at = 0;
  bool operator==(const Secret&) const = default;
};

/// Creates it, or replaces all of it.
struct PutSecret {
  std::string ns;
  std::string name;
  RegistryCredentials credentials;
  Revision expected_revision = 0;  ///< 0: whatever it is
  bool operator==(const PutSecret&) const = default;
};
struct DeleteSecret {
  std::string ns;
  std::string name;
  Revision expected_revision = 0;
  bool operator==(const DeleteSecret&) const = default;
};

/// Without idempotency key: the hash of a request would stay in the store, and passwords can be guessed.
struct SecretCommand {
  CommandContext context;
  std::variant<PutSecret, DeleteSecret> action;
  bool operator==(const SecretCommand&) const = default;
};

/// The secret as it was committed, or as it was when it was deleted; never with its sealed part.
struct SecretReply {
  Secret secret;
  Revision store_revision = 0;
  bool operator==(const SecretReply&) const = default;
};

}  // namespace cloudless
