#include "actors/runtime/containerd/port_rules.hpp"

#include <algorithm>
#include <cctype>

namespace cloudless::runtime {
namespace {

constexpr std::size_t kMostDeviceName = 15;
constexpr Ipv4 kLoopbackNetwork = 127u << 24;

bool is_loopback(Ipv4 address) {
  return (address & 0xff000000u) == kLoopbackNetwork;
}

const char* map_of(Protocol protocol) {
  return protocol == Protocol::udp ? "udp_ports" : "tcp_ports";
}

/// "8080 : 10.87.0.5 . 80, 8081 : ..." of one protocol; only the keys when that is all that is asked for.
std::string elements(const std::vector<ForwardedPort>& ports, Protocol protocol, bool keys_only) {
  std::string out;
  for (const auto& port : ports) {
    if (port.protocol != protocol) continue;
    out += (out.empty() ? "" : ", ") + std::to_string(port.host_port);
    if (!keys_only) out += " : " + to_string(port.address) + " . " + std::to_string(port.container_port);
  }
  return out;
}

std::string map_block(const std::vector<ForwardedPort>& ports, Protocol protocol) {
  const auto content = elements(ports, protocol, false);
  return std::string("  map ") + map_of(protocol) + " {\n    type inet_service : ipv4_addr . inet_service\n" +
         (content.empty() ? "" : "    elements = { " + content + " }\n") + "  }\n";
}

std::string chain(const std::string& name, const std::string& hook, const std::vector<std::string>& rules) {
  std::string out = "  chain " + name + " {\n";
  if (!hook.empty()) out += "    type " + hook + "; policy accept;\n";
  for (const auto& rule : rules) out += "    " + rule + "\n";
  return out + "  }\n";
}

/// Matches packets to an address on which ports are published.
std::string to_published(const PortRules& rules) {
  if (rules.publish_on.empty()) return "fib daddr type local";
  std::string list;
  for (const auto address : rules.publish_on) list += (list.empty() ? "" : ", ") + to_string(address);
  return "ip daddr { " + list + " }";
}

std::string element_command(const char* verb, const PortRules& rules, const std::vector<ForwardedPort>& ports,
                            bool keys_only) {
  std::string out;
  for (const auto protocol : {Protocol::tcp, Protocol::udp})
    if (const auto content = elements(ports, protocol, keys_only); !content.empty())
      out += std::string(verb) + " element ip " + rules.table + " " + map_of(protocol) + " { " + content +
             " }\n";
  return out;
}

}  // namespace

std::string render_table(const PortRules& rules, const std::vector<ForwardedPort>& ports) {
  const auto bridge = "\"" + rules.bridge + "\"";
  const auto range = to_string(rules.subnet);
  const auto from_elsewhere = "iifname != " + bridge + " oifname " + bridge;
  std::vector<std::string> forward;
  if (!rules.direct_access)
    forward = {from_elsewhere + " ct state established,related accept",
               from_elsewhere + " ct status dnat accept", from_elsewhere + " drop"};
  return render_deletion(rules) + "table ip " + rules.table + " {\n" + map_block(ports, Protocol::tcp) +
         map_block(ports, Protocol::udp) +
         chain("publish", "",
               {"meta l4proto tcp dnat ip to tcp dport map @tcp_ports",
                "meta l4proto udp dnat ip to udp dport map @udp_ports"}) +
         // The bridge accepts loopback addresses (route_localnet), which a replica must not send to: what the
         // node keeps on loopback is the node's own.
         chain("guard", "filter hook prerouting priority raw",
               {"iifname " + bridge + " ip daddr 127.0.0.0/8 drop"}) +
         chain("prerouting", "nat hook prerouting priority dstnat",
               {"ip daddr 127.0.0.0/8 return", to_published(rules) + " goto publish"}) +
         chain("output", "nat hook output priority -100", {to_published(rules) + " goto publish"}) +
         chain("postrouting", "nat hook postrouting priority srcnat",
               {"ip saddr 127.0.0.0/8 oifname " + bridge + " masquerade",
                "ip saddr " + range + " oifname " + bridge + " ct status dnat masquerade",
                "ip saddr " + range + " oifname != " + bridge + " masquerade"}) +
         chain("forward", "filter hook forward priority filter", forward) + "}\n";
}

std::string render_addition(const PortRules& rules, const std::vector<ForwardedPort>& ports) {
  return element_command("create", rules, ports, false);
}

std::string render_removal(const PortRules& rules, const std::vector<ForwardedPort>& ports) {
  return element_command("delete", rules, ports, true);
}

std::string render_deletion(const PortRules& rules) {
  // To delete what may not be there: add it first.
  return "add table ip " + rules.table + "\ndelete table ip " + rules.table + "\n";
}

bool publishes_on_loopback(const PortRules& rules) {
  return rules.publish_on.empty() ||
         std::any_of(rules.publish_on.begin(), rules.publish_on.end(), is_loopback);
}

std::string bridge_name_error(const std::string& name) {
  if (name.empty() || name.size() > kMostDeviceName)
    return "\"" + name + "\" has " + std::to_string(name.size()) +
           " characters: the kernel takes 1-15 for the name of a device";
  const bool fits = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  });
  if (!fits || name == "." || name == ".." || name == "all" || name == "default")
    return "\"" + name + "\" cannot be the name of a bridge: use letters, digits, '-', '_' and '.'";
  return {};
}

}  // namespace cloudless::runtime
