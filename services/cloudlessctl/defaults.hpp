// Where cloudlessctl takes the server with its certificates, the namespace and the output from when the
// command line does not say: the environment, then ~/.config/cloudless/cli.yaml, then the built-in values.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "messages/domain/error.hpp"
#include "services/cloudlessctl/endpoint.hpp"

namespace cloudless::cli {

struct Defaults {
  EndpointOptions endpoint{"localhost:8080", {}, {}, {}, {}};
  std::string ns = "default";
  std::string output = "table";
  bool operator==(const Defaults&) const = default;
};

/// A variable of the environment.
using Environment = std::function<std::optional<std::string>(const char*)>;

/// CLOUDLESS_SERVER, _CA, _CERT, _KEY, _SERVER_NAME, _NAMESPACE and _OUTPUT; the file is CLOUDLESS_CONFIG,
/// else $XDG_CONFIG_HOME/cloudless/cli.yaml, else $HOME/.config/cloudless/cli.yaml, and need not be there
/// unless CLOUDLESS_CONFIG names it. INVALID_ARGUMENT with "file:line:column: key: reason".
Result<Defaults> load_defaults(const Environment& environment);

/// The file's text on top of `defaults`: keys server, ca, cert, key, server_name, namespace, output. Paths
/// are relative to the file's folder.
Result<Defaults> apply_config(std::string_view text, const std::string& file, Defaults defaults);

}  // namespace cloudless::cli
