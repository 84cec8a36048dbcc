// The gRPC server of a gateway: the API, reflection, grpc.health.v1 and channelz at one address.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "gateway/service.hpp"

namespace cloudless::gateway {

struct ServerOptions {
  std::string address = "127.0.0.1:8080";  ///< port 0: any free one
  /// PEM texts. Without a certificate the server speaks plain text; with a client_ca clients must have a
  /// certificate of it.
  std::string certificate;
  std::string key;
  std::string client_ca;
};

class Server {
 public:
  /// UNAVAILABLE if the address cannot be listened at, or gRPC does not take the certificate.
  static Result<std::unique_ptr<Server>> start(Parts parts, const ServerOptions& options);
  /// Ends all calls within a second. The mirror must be closed before.
  ~Server();

  std::uint16_t port() const { return port_; }

 private:
  explicit Server(Parts parts) : service_(std::move(parts)) {}

  Service service_;
  std::unique_ptr<grpc::Server> server_;
  std::uint16_t port_ = 0;
};

}  // namespace cloudless::gateway
