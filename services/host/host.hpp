// A whole cloudless-host: the composition root. A bare actor system on which others of the cluster place
// actors, behind a port of its own; and, if told so, a member of a coordinator's ring that runs deciders for
// it. What it runs it can lose at any time.
#pragma once

#include <cstdint>
#include <memory>

#include "messages/domain/error.hpp"
#include "services/host/host_settings.hpp"

namespace cloudless::host {

class Host {
 public:
  /// Opens the port and begins to look for the coordinator; does not wait for it.
  static Result<std::unique_ptr<Host>> start(const HostSettings& settings);
  /// Closes the port first, then ends what runs here.
  virtual ~Host() = default;
  /// 0: none.
  virtual std::uint16_t port() const = 0;
  /// Groups of deciders that run here now, each for one coordinator.
  virtual std::size_t placed() const = 0;
};

}  // namespace cloudless::host
