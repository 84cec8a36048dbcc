// Error <-> caf::error, once for all actors. The category is "cloudless"; the message and the violations are
// its context.
#pragma once

#include "messages/caf_shim.hpp"
#include "messages/domain/error.hpp"

namespace cloudless {

caf::error to_caf(const Error& error);
/// CAF's own errors become UNAVAILABLE (a peer went away), DEADLINE_EXCEEDED (request_timeout) or INTERNAL.
Error from_caf(const caf::error& error);
/// `return reply(result);` in a handler.
template <class T, class U = T>
caf::result<T> reply(Result<U> result) {
  if (!result) return to_caf(result.error());
  return T{std::move(*result)};
}

/// Registers the error category and every message type of ours with a system's configuration. Defined in
/// messages/register.cpp.
void register_messages(caf::actor_system_config& config);

}  // namespace cloudless
