// One look at what all containers use: a few files per control group, and one for the counters of every link.
#include <fstream>
#include <sstream>

#include "actors/runtime/containerd/containers.hpp"
#include "actors/runtime/containerd/link_counters.hpp"

namespace cloudless::runtime {
namespace {

std::string net_dev_text() {
  std::ifstream in("/proc/net/dev");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

std::vector<ContainerUsage> Containers::usage() const {
  const auto links = link_counters(net_dev_text());
  std::vector<ContainerUsage> out;
  for (const auto& member : groups_.members()) {
    const auto group = groups_.tree().usage(member.group);
    if (!group || group->processes == 0) continue;
    ContainerUsage usage;
    usage.container = member.container;
    usage.replica = member.replica;
    usage.ns = member.ns;
    usage.total.cpu_nanos = group->cpu_nanos;
    usage.total.disk_read_bytes = group->disk_read_bytes;
    usage.total.disk_written_bytes = group->disk_written_bytes;
    usage.memory_bytes = group->memory_bytes;
    usage.processes = group->processes;
    if (const auto link = links.find(network_.link_name(member.container)); link != links.end()) {
      // The host's end of the pair: what it sends is what the container receives.
      usage.total.network_received_bytes = link->second.sent_bytes;
      usage.total.network_sent_bytes = link->second.received_bytes;
    }
    out.push_back(std::move(usage));
  }
  return out;
}

}  // namespace cloudless::runtime
