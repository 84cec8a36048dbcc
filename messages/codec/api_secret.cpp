#include "messages/codec/api_secret.hpp"

#include <algorithm>

#include "messages/codec/violations.hpp"
#include "messages/domain/image_reference.hpp"
#include "messages/domain/names.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxUsername = 256;
constexpr std::size_t kMaxPassword = 8192;
constexpr const char* kSecretNameRule =
    "must be 1-63 characters of [a-z0-9-], beginning and ending with a letter or digit (RFC 1123 label)";

std::string namespace_or_default(const std::string& ns) {
  return ns.empty() ? "default" : ns;
}

void check_secret_name(const std::string& ns, const std::string& name, Violations& v) {
  if (!is_dns_label(namespace_or_default(ns))) v.add("namespace", kSecretNameRule);
  if (!is_dns_label(name)) v.add("name", name.empty() ? "is required" : kSecretNameRule);
}

bool is_visible(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

void check_registry(const api::RegistryCredentials& registry, Violations& v) {
  if (!is_registry_name(registry.server()))
    v.add("registry.server", registry.server().empty()
                                 ? "is required"
                                 : "must be a registry as image references name it: host or host:port");
  // A colon would end the name where registries read "user:password".
  if (registry.username().empty() || registry.username().size() > kMaxUsername ||
      !is_visible(registry.username()) || registry.username().find(':') != std::string::npos)
    v.add("registry.username", "must be 1-256 characters without control characters and without ':'");
  if (registry.password().empty() || registry.password().size() > kMaxPassword ||
      registry.password().find_first_of(std::string("\0\r\n", 3)) != std::string::npos)
    v.add("registry.password", "must be 1-8192 bytes without line breaks");
}

void set_secret_time(WallMillis time, google::protobuf::Timestamp& out) {
  out.set_seconds(time / 1000);
  out.set_nanos(static_cast<std::int32_t>(time % 1000) * 1'000'000);
}

}  // namespace

Result<SecretCommand> parse_command(const api::PutSecretRequest& request, const std::string& principal) {
  Violations v;
  check_secret_name(request.namespace_(), request.name(), v);
  if (request.has_registry())
    check_registry(request.registry(), v);
  else
    v.add("registry", "is required");
  v.check_known(request, "");
  if (auto error = v.error("PutSecret")) return fail(std::move(*error));
  const auto ns = namespace_or_default(request.namespace_());
  const auto& registry = request.registry();
  return SecretCommand{{principal, "PutSecret", ns, {}, {}},
                       PutSecret{ns,
                                 request.name(),
                                 {registry.server(), registry.username(), registry.password()},
                                 request.expected_revision()}};
}

Result<SecretCommand> parse_command(const api::DeleteSecretRequest& request, const std::string& principal) {
  Violations v;
  check_secret_name(request.namespace_(), request.name(), v);
  v.check_known(request, "");
  if (auto error = v.error("DeleteSecret")) return fail(std::move(*error));
  const auto ns = namespace_or_default(request.namespace_());
  return SecretCommand{{principal, "DeleteSecret", ns, {}, {}},
                       DeleteSecret{ns, request.name(), request.expected_revision()}};
}

api::Secret to_api(const Secret& secret, Revision store_revision) {
  api::Secret out;
  out.set_namespace_(secret.ns);
  out.set_name(secret.name);
  out.set_revision(secret.revision);
  out.set_type(api::Secret::REGISTRY);
  out.set_server(secret.server);
  set_secret_time(secret.created_at, *out.mutable_created_at());
  set_secret_time(secret.updated_at, *out.mutable_updated_at());
  out.set_store_revision(store_revision);
  return out;
}

}  // namespace cloudless::codec
