// Commands on secrets, judged on the owner's head, and what a sealed record holds. Pure: key and nonce come
// from the shell.
#pragma once

#include <string>

#include "actors/owner/plan.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/secret.hpp"

namespace cloudless::secrets {

/// What the commit's records carry: number and wall clock, and a nonce that was never used.
struct Sealing {
  const std::string& key;
  std::string nonce;
  Revision stamp = 0;
  WallMillis wall = 0;
};

/// The secret after it, without its sealed part. NOT_FOUND, ABORTED.
Result<Secret> apply(owner::Plan& plan, const SecretCommand& command, const Sealing& sealing);

/// DATA_LOSS: not with this key.
Result<RegistryCredentials> open(const Secret& secret, const std::string& key);

}  // namespace cloudless::secrets
