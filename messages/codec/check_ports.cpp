#include "messages/codec/check_ports.hpp"

#include <map>
#include <optional>
#include <utility>

#include "messages/domain/names.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxPorts = 64;
constexpr std::size_t kMaxPortName = 15;
constexpr std::uint32_t kMaxPortNumber = 65535;

using Number = std::pair<std::uint32_t, bool>;  // and whether it is UDP's

/// Which port of the list had it first.
template <class Key>
class FirstUses {
 public:
  std::optional<std::size_t> earlier(const Key& key, std::size_t index) {
    const auto [found, fresh] = seen_.emplace(key, index);
    return fresh ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<Key, std::size_t> seen_;
};

void check_host_port(const api::Port& port, bool host_network, const std::string& here, Violations& v) {
  if (!port.has_host_port()) return;
  v.check_range(here, port.host_port(), 0, kMaxPortNumber);
  if (host_network && port.host_port() != port.container_port())
    v.add(here, "is " + std::to_string(port.host_port()) +
                    ", but with host_network the container listens on the " +
                    "node itself: leave it out or make it container_port");
}

}  // namespace

void check_ports(const api::WorkloadSpec& spec, const std::string& path, Violations& v) {
  v.check_count(path, static_cast<std::size_t>(spec.ports_size()), kMaxPorts);
  FirstUses<std::string> names;
  FirstUses<Number> numbers;
  FirstUses<Number> host_ports;
  for (std::size_t i = 0; i < static_cast<std::size_t>(spec.ports_size()); ++i) {
    const auto& port = spec.ports(static_cast<int>(i));
    const auto here = item(path, i);
    const bool udp = port.protocol() == api::Port::UDP;
    if (port.name().empty()) {
      if (spec.ports_size() > 1) v.add(here + ".name", "is required when there is more than one port");
    } else if (!is_dns_label(port.name()) || port.name().size() > kMaxPortName) {
      v.add(here + ".name",
            "must be 1-15 characters of [a-z0-9-], beginning and ending with a letter or digit");
    } else if (const auto first = names.earlier(port.name(), i)) {
      v.add(here + ".name", "is '" + port.name() + "' again, as in " + item(path, *first));
    }
    v.check_range(here + ".container_port", port.container_port(), 1, kMaxPortNumber);
    if (!api::Port::Protocol_IsValid(port.protocol()))
      v.add(here + ".protocol",
            "is " + std::to_string(port.protocol()) + ", which is not a known protocol (TCP, UDP)");
    if (numbers.earlier({port.container_port(), udp}, i))
      v.add(here + ".container_port",
            "is " + std::to_string(port.container_port()) + " again, with the same protocol");
    check_host_port(port, spec.host_network(), here + ".host_port", v);
    if (port.host_port() == 0) continue;  // absent, or chosen on the node
    if (const auto first = host_ports.earlier({port.host_port(), udp}, i))
      v.add(here + ".host_port", "is " + std::to_string(port.host_port()) + " again, as in " +
                                     item(path, *first) + ", with the same protocol");
  }
}

}  // namespace cloudless::codec
