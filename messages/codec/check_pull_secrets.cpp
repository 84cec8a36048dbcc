#include "messages/codec/check_pull_secrets.hpp"

#include <set>

#include "messages/domain/names.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxPullSecrets = 16;

}  // namespace

void check_pull_secrets(const api::WorkloadSpec& spec, const std::string& path, Violations& v) {
  const auto field = join(path, "image_pull_secrets");
  v.check_count(field, static_cast<std::size_t>(spec.image_pull_secrets_size()), kMaxPullSecrets);
  std::set<std::string> seen;
  for (int i = 0; i < spec.image_pull_secrets_size(); ++i) {
    const auto& name = spec.image_pull_secrets(i);
    const auto at = item(field, static_cast<std::size_t>(i));
    if (!is_dns_label(name))
      v.add(at,
            "must be a secret's name: 1-63 characters of [a-z0-9-], beginning and ending with a letter or "
            "digit");
    else if (!seen.insert(name).second)
      v.add(at, "names '" + name + "' a second time");
  }
}

}  // namespace cloudless::codec
