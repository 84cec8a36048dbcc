// A node's network as a chain of CNI plugins, the configured alternative to the agent's own bridge. What was
// done for a container is kept in a folder of its own until it is undone: the configuration it was done with,
// the result, and the network namespace itself (bound, so that DEL finds it when the container's processes
// are gone). Thread-safe, blocking.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/runtime/containerd/cni_config.hpp"
#include "actors/runtime/containerd/cni_plugin.hpp"
#include "actors/runtime/runtime_port.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::runtime {

class CniChain {
 public:
  /// Absolute folders: of the configuration, of the plugins, and for what was done. INVALID_ARGUMENT when the
  /// configuration cannot be read or names a program that is not there.
  static Result<std::unique_ptr<CniChain>> make(const std::string& conf_dir, const std::string& bin_dir,
                                                std::string state_dir);

  /// Whether a plugin of the chain publishes ports.
  bool maps_ports() const { return network_.maps_ports(); }
  /// ADD, plugin after plugin; when one fails, all are undone.
  Result<CniResult> add(const ContainerId& container, std::uint32_t pid,
                        const std::vector<PublishedPort>& ports);
  /// DEL in reverse order, with the configuration of its ADD. Succeeds if there is nothing; on failure it can
  /// be asked again.
  Result<Nothing> remove(const ContainerId& container);
  /// CHECK: whether everything is still as ADD left it. Success where the version has no CHECK.
  Result<Nothing> check(const ContainerId& container);
  /// What add answered, after a restart too.
  Result<CniResult> known(const ContainerId& container) const;
  /// Containers that something was done for.
  std::vector<ContainerId> containers() const;

 private:
  CniChain(CniNetwork network, std::string bin_dir, std::string state_dir)
      : network_(std::move(network)), bin_dir_(std::move(bin_dir)), state_dir_(std::move(state_dir)) {}

  /// What is kept of a container.
  struct Done {
    CniNetwork network;
    std::vector<PublishedPort> ports;
    nlohmann::json result;  ///< null: ADD did not end
  };
  Result<Done> load(const ContainerId& container) const;
  Result<Nothing> save(const ContainerId& container, const Done& done) const;
  Result<Nothing> pin(const ContainerId& container, std::uint32_t pid) const;
  std::string folder_of(const ContainerId& container) const { return state_dir_ + "/" + container.value; }
  Result<std::string> call(const char* command, const ContainerId& container, const Done& done,
                           std::size_t plugin) const;

  const CniNetwork network_;
  const std::string bin_dir_;
  const std::string state_dir_;
};

}  // namespace cloudless::runtime
