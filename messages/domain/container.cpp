#include "messages/domain/container.hpp"

namespace cloudless {
namespace {

constexpr char kRuntimeDefault[] = "RUNTIME_DEFAULT";
constexpr char kUnconfined[] = "UNCONFINED";
constexpr char kLocalhost[] = "LOCALHOST/";

}  // namespace

std::string to_string(const SecurityProfile& profile) {
  switch (profile.kind) {
    case ProfileKind::runtime_default:
      return kRuntimeDefault;
    case ProfileKind::unconfined:
      return kUnconfined;
    case ProfileKind::localhost:
      break;
  }
  return kLocalhost + profile.name;
}

std::optional<SecurityProfile> parse_security_profile(const std::string& text) {
  if (text == kRuntimeDefault) return SecurityProfile{};
  if (text == kUnconfined) return SecurityProfile{ProfileKind::unconfined, {}};
  const std::string prefix = kLocalhost;
  if (text.size() <= prefix.size() || text.compare(0, prefix.size(), prefix) != 0) return {};
  return SecurityProfile{ProfileKind::localhost, text.substr(prefix.size())};
}

}  // namespace cloudless
