// The node's range of addresses for replicas, and which replica gets which: pure arithmetic. The first
// address is the bridge's own; an address is taken as long as a container carries it as its label.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "messages/domain/error.hpp"

namespace cloudless::runtime {

/// An IPv4 address in host byte order.
using Ipv4 = std::uint32_t;

struct Subnet {
  Ipv4 network = 0;
  int prefix = 0;  ///< 8-29
  Ipv4 gateway() const { return network + 1; }
  Ipv4 broadcast() const { return network | (0xffffffffu >> prefix); }
  bool contains(Ipv4 address) const { return (address & ~(0xffffffffu >> prefix)) == network; }
};

/// "10.87.0.0/16"; INVALID_ARGUMENT when it is none, or has bits outside of its prefix.
Result<Subnet> parse_subnet(std::string_view text);
Result<Ipv4> parse_ipv4(std::string_view text);
std::string to_string(Ipv4 address);
std::string to_string(const Subnet& subnet);

/// A free address for `key`: always the same one for the same key and set. A new key seldom gets an address
/// that was used shortly before, so that nobody's old connection reaches somebody new. RESOURCE_EXHAUSTED
/// when all are taken.
Result<Ipv4> choose_address(const Subnet& subnet, const std::set<Ipv4>& taken, std::string_view key);

/// FNV-1a; the same on every machine and in every version.
std::uint64_t stable_hash(std::string_view text);

}  // namespace cloudless::runtime
