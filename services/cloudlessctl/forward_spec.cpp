#include "services/cloudlessctl/forward_spec.hpp"

#include "services/cloudlessctl/quantity.hpp"

namespace cloudless::cli {
namespace {

std::optional<std::uint16_t> parse_port(const std::string& text, bool may_be_free) {
  if (text.empty() && may_be_free) return 0;
  const auto number = parse_whole_number(text);
  if (!number || *number > 65535 || (*number == 0 && !may_be_free)) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

}  // namespace

std::optional<ForwardSpec> parse_forward(const std::string& text) {
  const auto colon = text.find(':');
  const auto remote = parse_port(colon == std::string::npos ? text : text.substr(colon + 1), false);
  if (!remote) return std::nullopt;
  if (colon == std::string::npos) return ForwardSpec{*remote, *remote};
  const auto local = parse_port(text.substr(0, colon), true);
  if (!local) return std::nullopt;
  return ForwardSpec{*local, *remote};
}

}  // namespace cloudless::cli
