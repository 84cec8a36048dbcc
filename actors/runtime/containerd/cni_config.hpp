// A CNI network configuration and what its plugins are told and answer, as text: pure functions over the JSON
// of the CNI specification, versions 0.3.0 to 1.0.0. cni_chain carries it out.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "actors/runtime/containerd/network_files.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/replica.hpp"

namespace cloudless::runtime {

struct CniNetwork {
  std::string name;
  std::string version;
  std::vector<nlohmann::json> plugins;  ///< each an object with a "type"; never empty
  bool disable_check = false;

  /// Whether CHECK exists in this version and is wanted.
  bool can_check() const;
  /// Whether a plugin publishes ports.
  bool maps_ports() const;
};

/// A list of plugins (*.conflist) or a single one (*.conf). INVALID_ARGUMENT, naming `file`.
Result<CniNetwork> parse_cni_network(const std::string& text, const std::string& file);
/// Of the names in a folder the one that counts: the first in order that ends in .conflist, .conf or .json.
std::optional<std::string> choose_cni_file(std::vector<std::string> names);

/// What a plugin reads: its configuration with the network's name and version, the result so far (null: none)
/// and, if it says that it can publish them, the ports.
std::string plugin_input(const CniNetwork& network, std::size_t plugin, const nlohmann::json& previous,
                         const std::vector<PublishedPort>& ports);

struct CniResult {
  std::string address;  ///< the first IPv4 address, without its prefix
  Resolver dns;
};
/// From what the last plugin answered. FAILED_PRECONDITION when it has no IPv4 address.
Result<CniResult> parse_cni_result(const nlohmann::json& result);

/// In words: what a plugin that failed has written, JSON by the specification or anything else.
std::string cni_error_text(const std::string& output);

}  // namespace cloudless::runtime
