// A whole coordinator: the composition root. Two actor systems (ARCHITECTURE.md, rule 13): control, with the
// store, the owners, the deciders, the event log and the hub of the node link; edge, with what agents can
// reach. Beside them the embedded gateway and the ports. An actor of the ring that ends unexpectedly, or a
// store that fails, ends the whole.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "messages/domain/error.hpp"
#include "services/coordinator/coordinator_settings.hpp"

namespace cloudless::coordinator {

class Coordinator {
 public:
  struct Ports {
    std::uint16_t grpc = 0;
    std::uint16_t http = 0;
    std::uint16_t metrics = 0;
    std::uint16_t link = 0;
    std::uint16_t ring = 0;
  };

  /// Loads the store (blocking), starts everything, opens the ports. `on_end` is called once, from any
  /// thread, when the coordinator cannot go on; it must end the process, which restarts from the store.
  static Result<std::unique_ptr<Coordinator>> start(const CoordinatorSettings& settings,
                                                    std::function<void(const Error&)> on_end);
  /// Closes the ports first, then ends the actors.
  virtual ~Coordinator() = default;
  virtual Ports ports() const = 0;
};

}  // namespace cloudless::coordinator
