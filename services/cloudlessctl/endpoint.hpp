// The server that commands talk to, and what they know it by. Beyond this machine nothing is said in plain
// text.
#pragma once

#include <string>

#include "messages/domain/error.hpp"
#include "services/settings/pem.hpp"

namespace cloudless::cli {

/// As somebody gave it; empty: not given.
struct EndpointOptions {
  std::string server;       ///< "host:port"
  std::string ca;           ///< PEM file; given: TLS
  std::string cert;         ///< PEM file, with `key`
  std::string key;          ///< PEM file
  std::string server_name;  ///< that the server's certificate must have, if it is not the host
  bool operator==(const EndpointOptions&) const = default;
};

/// Ready to connect to: files are read and fit together.
struct Endpoint {
  std::string server;
  std::string name;  ///< host that the certificate must be for
  bool tls = false;
  settings::PemFile ca{};
  settings::PemFile cert{};  ///< empty text: none
  settings::PemFile key{};
};

/// INVALID_ARGUMENT or NOT_FOUND says which option is wrong, or which one is missing.
Result<Endpoint> endpoint_of(const EndpointOptions& options);

}  // namespace cloudless::cli
