#include "actors/secrets/secret_command.hpp"

#include <memory>
#include <utility>

#include "actors/secrets/seal.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::secrets {
namespace {

std::string path_of(const std::string& ns, const std::string& name) {
  return "secret/" + ns + "/" + name;
}

Result<void> as_expected(const Secret* present, const std::string& ns, const std::string& name,
                         Revision expected) {
  if (expected == 0 || (present != nullptr && present->revision == expected)) return {};
  return fail(Errc::aborted,
              "secret " + ns + "/" + name +
                  (present == nullptr ? std::string(" does not exist")
                                      : " is at revision " + std::to_string(present->revision)) +
                  ", not " + std::to_string(expected) + "; list it again and repeat the change");
}

Secret without_value(Secret secret) {
  secret.sealed.clear();
  return secret;
}

Result<Secret> put_secret(owner::Plan& plan, const PutSecret& action, const Sealing& sealing) {
  const auto present = plan.now().secret(action.ns, action.name);
  if (auto good = as_expected(present.get(), action.ns, action.name, action.expected_revision); !good)
    return fail(good.error());
  auto sealed =
      seal(sealing.key, sealing.nonce, path_of(action.ns, action.name), codec::encode(action.credentials));
  if (!sealed) return fail(sealed.error());
  Secret secret;
  secret.ns = action.ns;
  secret.name = action.name;
  secret.revision = sealing.stamp;
  secret.server = action.credentials.server;
  secret.sealed = std::move(*sealed);
  secret.created_at = present ? present->created_at : sealing.wall;
  secret.updated_at = sealing.wall;
  plan.put(std::make_shared<const Secret>(secret));
  return without_value(std::move(secret));
}

Result<Secret> delete_secret(owner::Plan& plan, const DeleteSecret& action) {
  const auto present = plan.now().secret(action.ns, action.name);
  if (!present) return fail(Errc::not_found, "secret " + action.ns + "/" + action.name + " does not exist");
  if (auto good = as_expected(present.get(), action.ns, action.name, action.expected_revision); !good)
    return fail(good.error());
  plan.erase(secret_key(action.ns, action.name));
  return without_value(*present);
}

}  // namespace

Result<Secret> apply(owner::Plan& plan, const SecretCommand& command, const Sealing& sealing) {
  if (const auto* put = std::get_if<PutSecret>(&command.action)) return put_secret(plan, *put, sealing);
  return delete_secret(plan, std::get<DeleteSecret>(command.action));
}

Result<RegistryCredentials> open(const Secret& secret, const std::string& key) {
  const auto plain = unseal(key, path_of(secret.ns, secret.name), secret.sealed);
  if (!plain) return fail(plain.error());
  RegistryCredentials out;
  if (!codec::decode(*plain, out))
    return fail(Errc::data_loss, path_of(secret.ns, secret.name) + " holds no credentials");
  return out;
}

}  // namespace cloudless::secrets
