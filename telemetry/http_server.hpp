// A small HTTP server for people, probes and Prometheus: /health, /ready, /metrics. GET and HEAD only, fixed
// paths, one thread, a request per connection. Whoever connects can cost no more than 64 connections of 16
// KiB each, which end within seconds.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "messages/domain/error.hpp"

namespace cloudless::telemetry {

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};
/// Called in the server's thread: what takes long holds up the others.
using HttpRoutes = std::map<std::string, std::function<HttpAnswer()>>;

class HttpServer {
 public:
  /// Port 0 takes a free one. UNAVAILABLE if the address cannot be listened at.
  static Result<std::unique_ptr<HttpServer>> listen(const std::string& host, std::uint16_t port,
                                                    HttpRoutes routes);
  virtual ~HttpServer() = default;
  virtual std::uint16_t port() const = 0;
};

}  // namespace cloudless::telemetry
