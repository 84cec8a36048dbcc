#include "telemetry/http_server.hpp"

#include <doctest/doctest.h>
#include <httplib.h>

#include "telemetry/metrics.hpp"

using namespace cloudless::telemetry;

TEST_CASE("routes are answered, other paths and a second listener are not") {
  Metrics metrics;
  auto& family =
      prometheus::BuildCounter().Name("cloudless_test_total").Help("Test.").Register(metrics.registry());
  family.Add({{"kind", "a"}}).Increment(3);
  auto server = HttpServer::listen("127.0.0.1", 0,
                                   {{"/health",
                                     [] {
                                       return HttpAnswer{200, "ok\n"};
                                     }},
                                    {"/ready",
                                     [] {
                                       return HttpAnswer{503, "not yet\n"};
                                     }},
                                    {"/metrics", [&] {
                                       return HttpAnswer{200, metrics.text()};
                                     }}});
  REQUIRE(server.has_value());
  httplib::Client client("127.0.0.1", (*server)->port());
  CHECK(client.Get("/health")->body == "ok\n");
  CHECK(client.Get("/ready")->status == 503);
  const auto text = client.Get("/metrics")->body;
  CHECK(text.find("cloudless_test_total{kind=\"a\"} 3") != std::string::npos);
  CHECK(text.find("process_resident_memory_bytes ") != std::string::npos);
  CHECK(client.Get("/other")->status == 404);
  const auto second = HttpServer::listen("127.0.0.1", (*server)->port(), {});
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == cloudless::Errc::unavailable);
}
