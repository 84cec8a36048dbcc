#include "actors/runtime/containerd/subnet.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace cloudless::runtime {

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

Result<Ipv4> parse_ipv4(std::string_view text) {
  in_addr address{};
  if (inet_pton(AF_INET, std::string(text).c_str(), &address) != 1)
    return fail(Errc::invalid_argument, "\"" + std::string(text) + "\" is not an IPv4 address");
  return ntohl(address.s_addr);
}

Result<Subnet> parse_subnet(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_ipv4(text.substr(0, slash));
  int prefix = 0;
  if (slash != std::string_view::npos)
    std::from_chars(text.data() + slash + 1, text.data() + text.size(), prefix);
  if (!address || prefix < 8 || prefix > 29)
    return fail(
        Errc::invalid_argument,
        "\"" + std::string(text) + "\" is not a range of addresses: write it like 10.87.0.0/16, prefix 8-29");
  if ((*address & (0xffffffffu >> prefix)) != 0)
    return fail(Errc::invalid_argument, "\"" + std::string(text) +
                                            "\" has bits outside of its prefix: the range starts at " +
                                            to_string(*address & ~(0xffffffffu >> prefix)));
  return Subnet{*address, prefix};
}

std::string to_string(Ipv4 address) {
  char text[INET_ADDRSTRLEN];
  const in_addr raw{htonl(address)};
  inet_ntop(AF_INET, &raw, text, sizeof text);
  return text;
}

std::string to_string(const Subnet& subnet) {
  return to_string(subnet.network) + "/" + std::to_string(subnet.prefix);
}

Result<Ipv4> choose_address(const Subnet& subnet, const std::set<Ipv4>& taken, std::string_view key) {
  const Ipv4 first = subnet.gateway() + 1;
  const Ipv4 count = subnet.broadcast() - first;
  const Ipv4 start = static_cast<Ipv4>(stable_hash(key) % count);
  for (Ipv4 i = 0; i < count; ++i) {
    const Ipv4 candidate = first + (start + i) % count;
    if (!taken.contains(candidate)) return candidate;
  }
  return fail(Errc::resource_exhausted, "all " + std::to_string(count) + " addresses of " +
                                            to_string(subnet) +
                                            " are taken: give the node a larger range (setting subnet)");
}

}  // namespace cloudless::runtime
