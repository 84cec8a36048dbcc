// Addresses of this system's processes.
#pragma once

#include <cstdint>
#include <string>

#include "messages/domain/error.hpp"

namespace cloudless::settings {

inline constexpr const char* kAddressForm = "an address \"host:port\" with a port from 0 to 65535";

/// Where to listen or dial. Written "host:port", "[v6]:port" for IPv6.
struct Address {
  std::string host;
  std::uint16_t port = 0;  ///< 0: any free one
  bool operator==(const Address&) const = default;
};
std::string to_string(const Address& address);
/// INVALID_ARGUMENT if it is not "host:port".
Result<Address> parse_address(const std::string& text);
/// True for localhost, 127.0.0.0/8 and ::1: nothing from another machine arrives there.
bool is_loopback(const Address& address);

}  // namespace cloudless::settings
