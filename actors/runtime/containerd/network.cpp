#include "actors/runtime/containerd/network.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

extern "C" unsigned if_nametoindex(const char* name);  // <net/if.h> cannot stand beside <linux/if.h>

namespace cloudless::runtime {
namespace {

constexpr char kLinkPrefix[] = "vc";
constexpr char kInside[] = "eth0";

struct Deleter {
  void operator()(nl_sock* p) const { nl_socket_free(p); }
  void operator()(rtnl_link* p) const { rtnl_link_put(p); }
  void operator()(rtnl_addr* p) const { rtnl_addr_put(p); }
  void operator()(rtnl_route* p) const { rtnl_route_put(p); }
  void operator()(nl_addr* p) const { nl_addr_put(p); }
  void operator()(nl_cache* p) const { nl_cache_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

tl::unexpected<Error> netlink_failed(const std::string& what, int nl_error) {
  return fail(Errc::internal, "network: " + what + ": " + nl_geterror(nl_error));
}

Result<Owned<nl_sock>> open_socket() {
  Owned<nl_sock> socket(nl_socket_alloc());
  if (const int e = nl_connect(socket.get(), NETLINK_ROUTE); e < 0)
    return netlink_failed("open netlink socket", e);
  return socket;
}

Owned<nl_addr> ipv4(Ipv4 address, int prefix) {
  const std::uint32_t raw = htonl(address);
  Owned<nl_addr> out(nl_addr_build(AF_INET, &raw, sizeof raw));
  nl_addr_set_prefixlen(out.get(), prefix);
  return out;
}

/// A locally administered MAC address made of `tag` and 32 bits.
Owned<nl_addr> mac(std::uint8_t tag, std::uint32_t bits) {
  const std::array<std::uint8_t, 6> raw = {0x02,
                                           tag,
                                           static_cast<std::uint8_t>(bits >> 24),
                                           static_cast<std::uint8_t>(bits >> 16),
                                           static_cast<std::uint8_t>(bits >> 8),
                                           static_cast<std::uint8_t>(bits)};
  return Owned<nl_addr>(nl_addr_build(AF_LLC, raw.data(), raw.size()));
}

int set_up(nl_sock* socket, int index) {
  Owned<rtnl_link> which(rtnl_link_alloc());
  Owned<rtnl_link> change(rtnl_link_alloc());
  rtnl_link_set_ifindex(which.get(), index);
  rtnl_link_set_flags(change.get(), IFF_UP);
  return rtnl_link_change(socket, which.get(), change.get(), 0);
}

int add_address(nl_sock* socket, int index, Ipv4 address, int prefix) {
  Owned<rtnl_addr> a(rtnl_addr_alloc());
  rtnl_addr_set_ifindex(a.get(), index);
  rtnl_addr_set_local(a.get(), ipv4(address, prefix).get());
  return rtnl_addr_add(socket, a.get(), NLM_F_REPLACE);
}

int add_default_route(nl_sock* socket, int index, Ipv4 gateway) {
  Owned<rtnl_route> route(rtnl_route_alloc());
  rtnl_route_set_family(route.get(), AF_INET);
  rtnl_route_set_dst(route.get(), ipv4(0, 0).get());
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  rtnl_route_nh_set_ifindex(hop, index);
  rtnl_route_nh_set_gateway(hop, ipv4(gateway, 32).get());
  rtnl_route_add_nexthop(route.get(), hop);
  return rtnl_route_add(socket, route.get(), NLM_F_REPLACE);
}

int delete_link(nl_sock* socket, const std::string& name) {
  Owned<rtnl_link> link(rtnl_link_alloc());
  rtnl_link_set_name(link.get(), name.c_str());
  const int e = rtnl_link_delete(socket, link.get());
  return e == -NLE_NODEV || e == -NLE_OBJ_NOTFOUND ? 0 : e;
}

/// Of a link in the namespace that the socket was opened in, which this thread may have left; 0: there is
/// none.
int link_index(nl_sock* socket, const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, sizeof request.ifr_name - 1);
  return ioctl(nl_socket_get_fd(socket), SIOCGIFINDEX, &request) == 0 ? request.ifr_ifindex : 0;
}

/// Lets a replica reach itself through its own published port: its packets leave by the port they came in.
int allow_hairpin(nl_sock* socket, int index) {
  Owned<rtnl_link> which(rtnl_link_alloc());
  Owned<rtnl_link> change(rtnl_link_alloc());
  rtnl_link_set_ifindex(which.get(), index);
  rtnl_link_set_family(which.get(), AF_BRIDGE);
  rtnl_link_set_family(change.get(), AF_BRIDGE);
  rtnl_link_bridge_set_flags(change.get(), RTNL_BRIDGE_HAIRPIN_MODE);
  return rtnl_link_change(socket, which.get(), change.get(), 0);
}

int add_veth(nl_sock* socket, const std::string& name, int bridge, int namespace_fd, Ipv4 address) {
  Owned<rtnl_link> host(rtnl_link_veth_alloc());
  rtnl_link* inside = rtnl_link_veth_get_peer(host.get());
  rtnl_link_set_name(host.get(), name.c_str());
  rtnl_link_set_master(host.get(), bridge);
  rtnl_link_set_flags(host.get(), IFF_UP);
  // One queue each: the kernel would make one per processor, each with a folder in /sys, a fifth of the whole
  // time on two processors and more on big machines. A veth pair without XDP and GRO does not use them.
  for (auto* end : {host.get(), inside}) {
    rtnl_link_set_num_tx_queues(end, 1);
    rtnl_link_set_num_rx_queues(end, 1);
  }
  rtnl_link_set_name(inside, kInside);
  rtnl_link_set_ns_fd(inside, namespace_fd);
  rtnl_link_set_addr(inside, mac(0xc2, address).get());
  const int e = rtnl_link_add(socket, host.get(), NLM_F_CREATE | NLM_F_EXCL);
  rtnl_link_put(inside);
  return e;
}

/// Every IPv4 address of this machine and the device that has it.
Result<std::vector<std::pair<int, Ipv4>>> list_addresses(nl_sock* socket) {
  nl_cache* raw = nullptr;
  if (const int e = rtnl_addr_alloc_cache(socket, &raw); e < 0) return netlink_failed("list addresses", e);
  const Owned<nl_cache> addresses(raw);
  std::vector<std::pair<int, Ipv4>> out;
  for (auto* o = nl_cache_get_first(raw); o != nullptr; o = nl_cache_get_next(o)) {
    auto* entry = reinterpret_cast<rtnl_addr*>(o);
    nl_addr* local = rtnl_addr_get_local(entry);
    if (rtnl_addr_get_family(entry) != AF_INET || local == nullptr) continue;
    std::uint32_t address = 0;
    std::memcpy(&address, nl_addr_get_binary_addr(local), sizeof address);
    out.emplace_back(rtnl_addr_get_ifindex(entry), ntohl(address));
  }
  return out;
}

/// Writes 1 into a kernel parameter unless it is on already.
Result<Nothing> switch_on(const std::string& parameter) {
  int value = 0;
  std::ifstream(parameter) >> value;
  if (value != 0) return Nothing{};
  if (!(std::ofstream(parameter) << "1").flush())
    return fail(Errc::failed_precondition,
                "network: " + parameter + " cannot be set to 1: " + std::strerror(errno));
  return Nothing{};
}

}  // namespace

Ipv4 address_of_machine() {
  // Connecting a UDP socket sends nothing; it only asks for the route. The address is one for documentation.
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(9);
  peer.sin_addr.s_addr = htonl(0xc0000201u);
  sockaddr_in own{};
  socklen_t size = sizeof own;
  const bool known = connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0;
  if (fd >= 0) close(fd);
  return known ? ntohl(own.sin_addr.s_addr) : 0x7f000001u;
}

Network::Network(std::string bridge, Subnet subnet, std::string scope)
    : bridge_(std::move(bridge)), subnet_(subnet), scope_(std::move(scope)) {}

std::string Network::link_name(const ContainerId& container) const {
  char name[16];
  snprintf(name, sizeof name, "%s%012llx", kLinkPrefix,
           static_cast<unsigned long long>(stable_hash(scope_ + "/" + container.value) >> 16));
  return name;
}

Result<Nothing> Network::ensure_bridge() {
  if (if_nametoindex(bridge_.c_str()) == 0)
    if (auto made = make_bridge(); !made) return made;
  auto socket = open_socket();
  if (!socket) return fail(socket.error());
  const int index = static_cast<int>(if_nametoindex(bridge_.c_str()));
  rtnl_link* raw = nullptr;
  if (const int e = rtnl_link_get_kernel(socket->get(), index, nullptr, &raw); e < 0)
    return netlink_failed("look at bridge " + bridge_, e);
  const Owned<rtnl_link> link(raw);
  const char* type = rtnl_link_get_type(raw);
  if (type == nullptr || std::string_view(type) != "bridge")
    return fail(
        Errc::failed_precondition,
        "network: device " + bridge_ + " is there, but is no bridge: name another one (setting bridge)");
  auto addresses = list_addresses(socket->get());
  if (!addresses) return fail(addresses.error());
  for (const auto& [device, address] : *addresses)
    if (device != index && subnet_.contains(address))
      return fail(Errc::failed_precondition,
                  "network: the machine has the address " + to_string(address) +
                      " of the range for replicas, " + to_string(subnet_) +
                      ", on another device: choose another range (setting subnet)");
  if (const int e = set_up(socket->get(), index); e < 0)
    return netlink_failed("set bridge " + bridge_ + " up", e);
  if (const int e = add_address(socket->get(), index, subnet_.gateway(), subnet_.prefix); e < 0)
    return netlink_failed("give " + to_string(subnet_.gateway()) + " to bridge " + bridge_, e);
  return Nothing{};
}

bool Network::has_bridge() const {
  return if_nametoindex(bridge_.c_str()) != 0;
}

Result<std::set<Ipv4>> Network::machine_addresses() const {
  auto socket = open_socket();
  if (!socket) return fail(socket.error());
  auto addresses = list_addresses(socket->get());
  if (!addresses) return fail(addresses.error());
  std::set<Ipv4> out;
  for (const auto& [device, address] : *addresses) out.insert(address);
  return out;
}

Result<Nothing> Network::ensure_forwarding(bool loopback) const {
  if (auto on = switch_on("/proc/sys/net/ipv4/ip_forward"); !on) return on;
  return loopback ? switch_on("/proc/sys/net/ipv4/conf/" + bridge_ + "/route_localnet")
                  : Result<Nothing>(Nothing{});
}

Result<Nothing> Network::make_bridge() {
  auto socket = open_socket();
  if (!socket) return fail(socket.error());
  Owned<rtnl_link> link(rtnl_link_alloc());
  rtnl_link_set_type(link.get(), "bridge");
  rtnl_link_set_name(link.get(), bridge_.c_str());
  rtnl_link_set_addr(link.get(), mac(0xc1, static_cast<std::uint32_t>(stable_hash(bridge_))).get());
  if (const int e = rtnl_link_add(socket->get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
      e < 0 && e != -NLE_EXIST)
    return netlink_failed("create bridge " + bridge_, e);
  // Replicas must not be able to give the machine routes, by router advertisements.
  std::ofstream("/proc/sys/net/ipv6/conf/" + bridge_ + "/accept_ra") << "0";
  return Nothing{};
}

Result<Nothing> Network::attach(const ContainerId& container, std::uint32_t pid, Ipv4 address) {
  const auto path = "/proc/" + std::to_string(pid) + "/ns/net";
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Errc::internal, "network: " + path + ": " + std::strerror(errno));
  // A thread that entered another network namespace must not run anything else afterwards.
  Result<Nothing> attached = Nothing{};
  std::thread([&] {
    attached = furnish(container, address, [fd]() -> Result<int> {
      if (setns(fd, CLONE_NEWNET) == 0) return fd;
      return fail(Errc::internal,
                  std::string("network: enter the replica's namespace: ") + std::strerror(errno));
    });
  }).join();
  close(fd);
  return attached;
}

Result<Nothing> Network::furnish(const ContainerId& container, Ipv4 address,
                                 const std::function<Result<int>()>& enter) {
  if (if_nametoindex(bridge_.c_str()) == 0)  // somebody deleted it
    if (auto bridge = ensure_bridge(); !bridge) return bridge;
  const auto name = link_name(container);
  auto outside = open_socket();  // a socket belongs to the namespace that it was opened in
  if (!outside) return fail(outside.error());
  const int bridge = static_cast<int>(if_nametoindex(bridge_.c_str()));
  const auto inside = enter();
  if (!inside) return fail(inside.error());
  if (auto made = make_link(outside->get(), name, bridge, *inside, address); !made) return made;
  auto configured = configure_inside(address);
  if (!configured) delete_link(outside->get(), name);
  return configured;
}

Result<Nothing> Network::make_link(nl_sock* socket, const std::string& name, int bridge, int namespace_fd,
                                   Ipv4 address) {
  int e = add_veth(socket, name, bridge, namespace_fd, address);
  if (e == -NLE_EXIST) {  // left by a crash of the agent or of the machine's clean-up
    delete_link(socket, name);
    e = add_veth(socket, name, bridge, namespace_fd, address);
  }
  if (e < 0) return netlink_failed("create link " + name, e);
  e = allow_hairpin(socket, link_index(socket, name));
  if (e < 0) return netlink_failed("set up link " + name, e);
  return Nothing{};
}

Result<Nothing> Network::configure_inside(Ipv4 address) const {
  auto socket = open_socket();
  if (!socket) return fail(socket.error());
  const int index = static_cast<int>(if_nametoindex(kInside));
  if (const int e = add_address(socket->get(), index, address, subnet_.prefix); e < 0)
    return netlink_failed("set address", e);
  if (const int e = set_up(socket->get(), index); e < 0) return netlink_failed("set eth0 up", e);
  if (const int e = set_up(socket->get(), static_cast<int>(if_nametoindex("lo"))); e < 0)
    return netlink_failed("set lo up", e);
  if (const int e = add_default_route(socket->get(), index, subnet_.gateway()); e < 0)
    return netlink_failed("set default route", e);
  return Nothing{};
}

Result<Nothing> Network::detach(const ContainerId& container) {
  const auto name = link_name(container);
  if (if_nametoindex(name.c_str()) == 0) return Nothing{};
  auto socket = open_socket();
  if (!socket) return fail(socket.error());
  if (const int e = delete_link(socket->get(), name); e < 0) return netlink_failed("delete link " + name, e);
  return Nothing{};
}

Result<Nothing> Network::plug_in(const std::set<ContainerId>& containers) {
  auto socket = open_socket();
  if (!socket) return fail(socket.error());
  const int bridge = static_cast<int>(if_nametoindex(bridge_.c_str()));
  for (const auto& container : containers) {
    const auto name = link_name(container);
    rtnl_link* raw = nullptr;
    if (rtnl_link_get_kernel(socket->get(), 0, name.c_str(), &raw) < 0)
      continue;  // it shares the node's network
    const Owned<rtnl_link> link(raw);
    if (rtnl_link_get_master(raw) == bridge) continue;
    if (const int e = rtnl_link_enslave_ifindex(socket->get(), bridge, rtnl_link_get_ifindex(raw)); e < 0)
      return netlink_failed("connect link " + name, e);
    if (const int e = allow_hairpin(socket->get(), rtnl_link_get_ifindex(raw)); e < 0)
      return netlink_failed("set up link " + name, e);
  }
  return Nothing{};
}

Result<Nothing> Network::detach_all_except(const std::set<ContainerId>& keep) {
  const int bridge = static_cast<int>(if_nametoindex(bridge_.c_str()));
  if (bridge == 0) return Nothing{};
  auto socket = open_socket();
  if (!socket) return fail(socket.error());
  nl_cache* raw = nullptr;
  if (const int e = rtnl_link_alloc_cache(socket->get(), AF_UNSPEC, &raw); e < 0)
    return netlink_failed("list links", e);
  const Owned<nl_cache> links(raw);
  std::set<std::string> wanted;
  for (const auto& container : keep) wanted.insert(link_name(container));
  std::vector<std::string> stray;
  for (auto* o = nl_cache_get_first(raw); o != nullptr; o = nl_cache_get_next(o)) {
    auto* link = reinterpret_cast<rtnl_link*>(o);
    const std::string name = rtnl_link_get_name(link);
    if (rtnl_link_get_master(link) == bridge && name.starts_with(kLinkPrefix) && !wanted.contains(name))
      stray.push_back(name);
  }
  for (const auto& name : stray)
    if (const int e = delete_link(socket->get(), name); e < 0)
      return netlink_failed("delete link " + name, e);
  return Nothing{};
}

Result<Nothing> Network::remove_bridge() {
  if (auto links = detach_all_except({}); !links) return links;
  auto socket = open_socket();
  if (!socket) return fail(socket.error());
  if (const int e = delete_link(socket->get(), bridge_); e < 0)
    return netlink_failed("delete bridge " + bridge_, e);
  return Nothing{};
}

}  // namespace cloudless::runtime
