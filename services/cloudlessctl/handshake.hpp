// Why there is no connection: a second handshake that says what gRPC does not. gRPC's "certificate verify
// failed" and "Socket closed" leave open which certificate, whose, and why.
#pragma once

#include <chrono>
#include <string>

#include "services/cloudlessctl/endpoint.hpp"

namespace cloudless::cli {

/// What is wrong with TLS between us and the server, and how to mend it; empty: nothing, or nobody is there.
/// Connects once, and sends nothing but the handshake. Takes at most `within`, beside the look-up of the
/// name.
std::string handshake_trouble(const Endpoint& endpoint,
                              std::chrono::milliseconds within = std::chrono::seconds(3));

}  // namespace cloudless::cli
