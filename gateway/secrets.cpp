// Secrets: written by their owner, listed from the mirror; values go in and never come out.
#include <algorithm>
#include <utility>

#include "gateway/page_token.hpp"
#include "gateway/service.hpp"
#include "messages/codec/api_secret.hpp"

namespace cloudless::gateway {
namespace {

constexpr std::uint32_t kSecretsPerPage = 100;
constexpr std::uint32_t kMostSecretsPerPage = 1000;
/// How long the mirror may take to show what is already durable, or what a client has seen elsewhere.
constexpr Millis kSecretShownWithin = 5'000;

void list_secrets(const Snapshot& snapshot, const std::string& ns, std::size_t size, const std::string& after,
                  const std::string& list, api::ListSecretsReply& reply) {
  const auto slash = after.find('/');
  const QualifiedName from = slash == std::string::npos
                                 ? QualifiedName{ns, ""}
                                 : QualifiedName{after.substr(0, slash), after.substr(slash + 1)};
  reply.set_store_revision(snapshot.revision());
  std::string last;
  snapshot.secrets().visit_from(from, [&](const QualifiedName& name, const auto& secret) {
    if (!ns.empty() && name.ns != ns) return false;
    if (name == from) return true;
    if (static_cast<std::size_t>(reply.secrets_size()) == size) {
      reply.set_next_page_token(encode_token({snapshot.revision(), last}, list));
      return false;
    }
    *reply.add_secrets() = codec::to_api(*secret, snapshot.revision());
    last = name.ns + "/" + name.name;
    return true;
  });
}

}  // namespace

/// Sends it to the owner and ends the call once the mirror shows the commit.
template <class Fill>
grpc::ServerUnaryReactor* Service::write_secret(Context* context, Method method,
                                                Result<SecretCommand> command, Fill fill) {
  const auto end = begin(context, method);
  if (!command) {
    end(fail(command.error()));
    return end.reactor;
  }
  ask(context, Carried<SecretCommand>(std::move(*command)), [this, end, fill](Result<Answer> answer) {
    if (!answer) return end(fail(answer.error()));
    const auto reply = std::get<Carried<SecretReply>>(*answer);
    parts_.mirror->when(
        reply->store_revision, parts_.clock.steady() + kSecretShownWithin,
        [end, fill, reply, mirror = parts_.mirror](bool shown) {
          if (!shown)
            return end(fail(Errc::unavailable, "done at revision " + std::to_string(reply->store_revision) +
                                                   ", but this gateway does not see it yet"));
          fill(reply->secret, mirror->present()->revision());
          end({});
        });
  });
  return end.reactor;
}

grpc::ServerUnaryReactor* Service::PutSecret(Context* context, const api::PutSecretRequest* request,
                                             api::Secret* reply) {
  return write_secret(context, Method::put_secret, codec::parse_command(*request, principal_of(*context)),
                      [reply](const Secret& secret, Revision at) { *reply = codec::to_api(secret, at); });
}

grpc::ServerUnaryReactor* Service::DeleteSecret(Context* context, const api::DeleteSecretRequest* request,
                                                api::DeleteSecretReply* reply) {
  return write_secret(context, Method::delete_secret, codec::parse_command(*request, principal_of(*context)),
                      [reply](const Secret&, Revision at) { reply->set_store_revision(at); });
}

grpc::ServerUnaryReactor* Service::ListSecrets(Context* context, const api::ListSecretsRequest* request,
                                               api::ListSecretsReply* reply) {
  const auto end = begin(context, Method::list_secrets);
  const std::string list = "ListSecrets\n" + request->namespace_();
  PageToken from;
  if (!request->page_token().empty()) {
    auto token = decode_token(request->page_token(), list);
    if (!token) {
      end(fail(token.error()));
      return end.reactor;
    }
    from = std::move(*token);
  }
  const auto wanted = min_revision_of(*context);
  if (!wanted || request->page_size() > kMostSecretsPerPage) {
    end(wanted
            ? fail(Error{Errc::invalid_argument, "page_size is too large", {{"page_size", "is above 1000"}}})
            : fail(wanted.error()));
    return end.reactor;
  }
  const std::size_t size = request->page_size() == 0 ? kSecretsPerPage : request->page_size();
  parts_.mirror->when(
      std::max<Revision>({*wanted, from.revision, 1}),
      parts_.clock.steady() + std::min(budget_of(*context), kSecretShownWithin),
      [end, request, reply, size, from, list, mirror = parts_.mirror](bool reached) {
        if (!reached)
          return end(fail(Errc::unavailable, "this gateway has not seen that revision yet; try again"));
        list_secrets(*mirror->present(), request->namespace_(), size, from.position, list, *reply);
        end({});
      });
  return end.reactor;
}

}  // namespace cloudless::gateway
