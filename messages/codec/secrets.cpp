// Secrets, their commands, and credentials on their way to a node.
#include "messages/codec/message_bytes.hpp"
#include "messages/codec/record_message.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxSealed = 64 << 10;
constexpr std::size_t kMaxCredentials = 32 << 10;

void write_secret_context(const CommandContext& context, record::CommandContext& out) {
  out.set_principal(context.principal);
  out.set_method(context.method);
  out.set_namespace_(context.ns);
}

template <class Command, class Wire>
void write_secret_name(const Command& command, Wire& out) {
  out.set_namespace_(command.ns);
  out.set_name(command.name);
  out.set_expected_revision(command.expected_revision);
}

template <class Wire, class Command>
bool read_secret_name(const Wire& wire, Command& out) {
  out.expected_revision = wire.expected_revision();
  return read_name(wire.namespace_(), out.ns) && read_name(wire.name(), out.name);
}

}  // namespace

void write(const RegistryCredentials& credentials, record::RegistryCredentials& out) {
  out.set_server(credentials.server);
  out.set_username(credentials.username);
  out.set_password(credentials.password);
}

bool read(const record::RegistryCredentials& wire, RegistryCredentials& out) {
  out = {wire.server(), wire.username(), wire.password()};
  return !out.server.empty() && wire.ByteSizeLong() <= kMaxCredentials;
}

void write(const Secret& secret, record::Secret& out) {
  out.set_namespace_(secret.ns);
  out.set_name(secret.name);
  out.set_revision(secret.revision);
  out.set_server(secret.server);
  out.set_sealed(secret.sealed);
  out.set_created_at_ms(secret.created_at);
  out.set_updated_at_ms(secret.updated_at);
}

bool read(const record::Secret& wire, Secret& out) {
  out.revision = wire.revision();
  out.server = wire.server();
  out.sealed = wire.sealed();
  return read_name(wire.namespace_(), out.ns) && read_name(wire.name(), out.name) &&
         out.sealed.size() <= kMaxSealed && read_millis(wire.created_at_ms(), out.created_at) &&
         read_millis(wire.updated_at_ms(), out.updated_at);
}

std::string encode(const RegistryCredentials& value) {
  record::RegistryCredentials wire;
  write(value, wire);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, RegistryCredentials& value) {
  record::RegistryCredentials wire;
  return from_bytes(bytes, kMaxCredentials, wire) && read(wire, value);
}

std::string encode(const SecretCommand& value) {
  record::SecretCommand wire;
  write_secret_context(value.context, *wire.mutable_context());
  if (const auto* put = std::get_if<PutSecret>(&value.action)) {
    write_secret_name(*put, *wire.mutable_put());
    write(put->credentials, *wire.mutable_put()->mutable_credentials());
  } else {
    write_secret_name(std::get<DeleteSecret>(value.action), *wire.mutable_delete_());
  }
  return to_bytes(wire);
}

bool decode(std::string_view bytes, SecretCommand& value) {
  record::SecretCommand wire;
  if (!from_bytes(bytes, kMaxRecordBytes, wire) || !wire.has_context()) return false;
  value.context = {wire.context().principal(), wire.context().method(), wire.context().namespace_(), {}, {}};
  switch (wire.action_case()) {
    case record::SecretCommand::kPut: {
      auto& put = value.action.emplace<PutSecret>();
      return read_secret_name(wire.put(), put) && read(wire.put().credentials(), put.credentials);
    }
    case record::SecretCommand::kDelete:
      return read_secret_name(wire.delete_(), value.action.emplace<DeleteSecret>());
    case record::SecretCommand::ACTION_NOT_SET:
      return false;
  }
  return false;
}

std::string encode(const SecretReply& value) {
  record::SecretReply wire;
  write(value.secret, *wire.mutable_secret());
  wire.set_store_revision(value.store_revision);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, SecretReply& value) {
  record::SecretReply wire;
  value = {};
  if (!from_bytes(bytes, kMaxRecordBytes, wire)) return false;
  value.store_revision = wire.store_revision();
  return read(wire.secret(), value.secret);
}

}  // namespace cloudless::codec
