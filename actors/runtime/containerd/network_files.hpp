// The three files that tell a replica who it is and whom to ask for names: /etc/hosts, /etc/hostname and
// /etc/resolv.conf. Their content is made by pure functions; they are kept in a folder per container, bound
// into it read-only, and written in place when an address becomes known late. They stay as long as the
// container, whatever happens to the agent.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "actors/runtime/runtime_port.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::runtime {

/// What a resolv.conf says.
struct Resolver {
  std::vector<std::string> nameservers;
  std::vector<std::string> search;
  std::vector<std::string> options;
  bool operator==(const Resolver&) const = default;
};

/// Reads what resolv.conf(5) knows; of several `search` or `domain` lines the last counts. What it does not
/// know is left out.
Resolver parse_resolver(std::string_view text);
std::string render(const Resolver& resolver);

/// What replicas in a network namespace of their own ask. `configured`: of agent.yaml, each part that is not
/// empty replaces the node's. `of_node`: /etc/resolv.conf. `behind_stub`: systemd-resolved's list of real
/// servers, used when the node's are all on loopback, where a replica cannot reach them. Only IPv4 servers
/// beyond loopback remain, at most 3.
Resolver resolver_for_replicas(const Resolver& configured, std::string_view of_node,
                               std::string_view behind_stub);

/// `address` may be empty: then the name stands for loopback.
std::string hosts_file(const std::string& host_name, const std::string& address);
/// For a replica in the node's network: what the node knows, `of_node`, and the replica's own name.
std::string hosts_file_on_node(const std::string& host_name, const std::string& address,
                               std::string_view of_node);

/// The files of this node's containers, below one folder.
class NetworkFiles {
 public:
  /// `folder`: absolute, of this agent alone.
  NetworkFiles(std::string folder, Resolver configured);

  /// Makes the files of a container with a network of its own, or writes them again in place. `of_network`:
  /// the resolver that its network suggests; it goes before the node's and after agent.yaml's.
  Result<Nothing> write(const ContainerId& container, const std::string& host_name,
                        const std::string& address, const Resolver& of_network = {});
  /// Those of a container in the node's network: its resolver is the node's own, word by word.
  Result<Nothing> write_on_node(const ContainerId& container, const std::string& host_name,
                                const std::string& address);
  void remove(const ContainerId& container);
  /// Removes the files of containers that are not among these: left by a crash.
  void remove_all_except(const std::set<ContainerId>& keep);
  /// The folder with hosts, hostname and resolv.conf of a container.
  std::string folder_of(const ContainerId& container) const;
  /// What replicas with a network of their own are told now.
  Resolver resolver(const Resolver& of_network = {}) const;

 private:
  Result<Nothing> write_all(const ContainerId& container, const std::string& host_name,
                            const std::string& hosts, const std::string& resolver) const;

  std::string folder_;
  Resolver configured_;
};

}  // namespace cloudless::runtime
