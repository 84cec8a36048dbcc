// Puts a TLS session between CAF's event loop and a socket.
#pragma once

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <memory>

#include "actors/node_link/transport/socket.hpp"
#include "actors/node_link/transport/tls.hpp"

namespace cloudless::node_link {

/// Gives a connected socket whose handshake is done to CAF's event loop.
caf::io::scribe_ptr to_caf_socket(caf::actor_system& system, Socket socket,
                                  std::unique_ptr<TlsSession> session);

}  // namespace cloudless::node_link
