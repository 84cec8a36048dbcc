// Secrets of the public API: requests become commands, records become answers without their values. Used by
// gateways.
#pragma once

#include <string>

#include "cloudless/api/coordinator_service.pb.h"
#include "messages/domain/error.hpp"
#include "messages/domain/secret.hpp"

namespace cloudless::codec {

/// INVALID_ARGUMENT with every bad field; no message contains a value.
Result<SecretCommand> parse_command(const api::PutSecretRequest& request, const std::string& principal);
Result<SecretCommand> parse_command(const api::DeleteSecretRequest& request, const std::string& principal);

api::Secret to_api(const Secret& secret, Revision store_revision);

}  // namespace cloudless::codec
