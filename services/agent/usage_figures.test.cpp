#include "services/agent/usage_figures.hpp"

#include <doctest/doctest.h>
#include <prometheus/text_serializer.h>

namespace cloudless::agent {

TEST_CASE("what replicas use is exposed with units in the names and the replica in the labels") {
  ContainerUsage usage{ContainerId{"web-00000000ab-0-1"},
                       ReplicaId{"web-00000000ab-0"},
                       {1'500'000'000, 10, 20, 30, 40},
                       1 << 20,
                       3,
                       "default"};
  const auto text = prometheus::TextSerializer().Serialize(usage_families({usage}));
  const std::string labels = R"({namespace="default",replica="web-00000000ab-0"} )";
  for (const auto& line : {"cloudless_replica_cpu_seconds_total" + labels + "1.5\n",
                           "cloudless_replica_memory_bytes" + labels + "1048576\n",
                           "cloudless_replica_processes" + labels + "3\n",
                           "cloudless_replica_network_received_bytes_total" + labels + "10\n",
                           "cloudless_replica_network_sent_bytes_total" + labels + "20\n",
                           "cloudless_replica_disk_read_bytes_total" + labels + "30\n",
                           "cloudless_replica_disk_written_bytes_total" + labels + "40\n",
                           std::string("# TYPE cloudless_replica_cpu_seconds_total counter\n")}) {
    CAPTURE(line);
    CHECK_MESSAGE(text.find(line) != std::string::npos, text);
  }
}

}  // namespace cloudless::agent
