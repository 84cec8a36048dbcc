#include "actors/runtime/containerd/flow_table.hpp"

#include <arpa/inet.h>
#include <netlink/cache.h>
#include <netlink/netfilter/ct.h>
#include <netlink/netfilter/nfnl.h>
#include <netlink/netlink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace cloudless::runtime {
namespace {

Ipv4 ipv4_in(const nl_addr* address) {
  if (address == nullptr || nl_addr_get_len(address) != sizeof(in_addr)) return 0;
  in_addr raw{};
  std::memcpy(&raw, nl_addr_get_binary_addr(address), sizeof raw);
  return ntohl(raw.s_addr);
}

constexpr int kAsked = 0;     // the direction of the first packet
constexpr int kAnswered = 1;  // and back

template <class Condition>
void forget_udp_flows(Condition forgotten) {
  const std::unique_ptr<nl_sock, decltype(&nl_socket_free)> socket(nl_socket_alloc(), &nl_socket_free);
  nl_cache* raw = nullptr;
  int error = nl_connect(socket.get(), NETLINK_NETFILTER);
  if (error >= 0) error = nfnl_ct_alloc_cache(socket.get(), &raw);
  if (error < 0) {
    spdlog::debug("network: the table of flows cannot be read: {}", nl_geterror(error));
    return;
  }
  const std::unique_ptr<nl_cache, decltype(&nl_cache_free)> flows(raw, &nl_cache_free);
  for (auto* object = nl_cache_get_first(raw); object != nullptr; object = nl_cache_get_next(object)) {
    auto* flow = reinterpret_cast<nfnl_ct*>(object);
    if (nfnl_ct_get_proto(flow) == IPPROTO_UDP && forgotten(flow))
      nfnl_ct_del(socket.get(), flow, 0);  // it may have ended by itself
  }
}

}  // namespace

void forget_udp_flows_from(Ipv4 address) {
  forget_udp_flows([&](nfnl_ct* flow) { return ipv4_in(nfnl_ct_get_src(flow, kAnswered)) == address; });
}

void forget_udp_flows_to(const std::set<Ipv4>& addresses, const std::vector<std::uint16_t>& ports) {
  forget_udp_flows([&](nfnl_ct* flow) {
    const Ipv4 to = ipv4_in(nfnl_ct_get_dst(flow, kAsked));
    return nfnl_ct_test_dst_port(flow, kAsked) != 0 &&
           std::find(ports.begin(), ports.end(), nfnl_ct_get_dst_port(flow, kAsked)) != ports.end() &&
           (addresses.contains(to) || to >> 24 == 127);
  });
}

}  // namespace cloudless::runtime
