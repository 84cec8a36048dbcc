// The composition root of cloudless-gateway: one actor system with a mirror of the coordinator's store, the
// gateway, its ports.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "services/gateway/gateway_settings.hpp"

namespace cloudless::gateway {

class GatewayProcess {
 public:
  struct Ports {
    std::uint16_t grpc = 0;
    std::uint16_t http = 0;
    std::uint16_t metrics = 0;
  };
  /// Opens the ports; the coordinator may come later. `on_end` is called once, from any thread, when the
  /// process cannot go on.
  static Result<std::unique_ptr<GatewayProcess>> start(const GatewaySettings& settings,
                                                       std::function<void(const Error&)> on_end);
  virtual ~GatewayProcess() = default;
  virtual Ports ports() const = 0;
};

}  // namespace cloudless::gateway
