#include "services/settings/address.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <system_error>

namespace cloudless::settings {

std::string to_string(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Result<Address> parse_address(const std::string& text) {
  const auto refused = fail(Errc::invalid_argument, "\"" + text + "\" is not " + kAddressForm);
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return refused;
  Address out{text.substr(0, colon), 0};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, out.port);
  if (error != std::errc{} || rest != end) return refused;
  if (out.host.front() == '[' && out.host.back() == ']') {
    out.host = out.host.substr(1, out.host.size() - 2);
  } else if (out.host.find(':') != std::string::npos) {
    return refused;
  }
  if (out.host.empty() || out.host.find_first_of(" /[]") != std::string::npos) return refused;
  return out;
}

bool is_loopback(const Address& address) {
  in_addr v4{};
  return address.host == "localhost" || address.host == "::1" ||
         (inet_pton(AF_INET, address.host.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 24U) == 127);
}

}  // namespace cloudless::settings
