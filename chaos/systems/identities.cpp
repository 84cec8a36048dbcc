// Replaces functions of CAF's library: must be compiled into the executable itself, whose symbols come first.
#include "chaos/systems/identities.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

std::uint64_t last_identity = 0;

}  // namespace

namespace cloudless::sim {

void restart_identities() {
  last_identity = 0;
}

}  // namespace cloudless::sim

namespace caf::detail {

std::string get_root_uuid();
std::string get_root_uuid() {
  return "simulated-" + std::to_string(++last_identity);
}

std::uint32_t get_process_id();
std::uint32_t get_process_id() {
  return 1;
}

std::vector<std::pair<std::string, std::string>> get_mac_addresses();
std::vector<std::pair<std::string, std::string>> get_mac_addresses() {
  return {{"eth0", "02:00:00:00:00:01"}};
}

}  // namespace caf::detail
