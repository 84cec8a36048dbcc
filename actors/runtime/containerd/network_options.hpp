// How replicas of this node get a network: settings of the agent (agent.yaml, `network`).
#pragma once

#include <string>
#include <vector>

namespace cloudless::runtime {

enum class NetworkMode : unsigned char {
  bridge,  ///< the agent's own bridge and packet rules
  cni,     ///< a chain of CNI plugins
};

struct NetworkOptions {
  NetworkMode mode = NetworkMode::bridge;
  /// IPv4 addresses of this node on which ports are published; empty: all that it has, loopback too.
  std::vector<std::string> publish_on;
  std::string port_range = "30000-32767";  ///< what host_port 0 is chosen from
  bool direct_access = false;              ///< other machines may reach replicas at their own addresses
  /// /etc/resolv.conf of replicas; each that is empty is as on the node.
  std::vector<std::string> nameservers;
  std::vector<std::string> search;
  std::vector<std::string> dns_options;
  /// Of mode cni: absolute folders of the configuration (the first *.conflist, *.conf or *.json counts) and
  /// of the plugins.
  std::string conf_dir = "/etc/cni/net.d";
  std::string bin_dir = "/usr/lib/cni";
};

}  // namespace cloudless::runtime
