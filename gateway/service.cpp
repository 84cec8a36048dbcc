#include "gateway/service.hpp"

#include <grpc/grpc_security_constants.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/principal.hpp"
#include "gateway/status.hpp"

namespace cloudless::gateway {
namespace {

constexpr std::size_t kPool = 2;
constexpr Millis kMostBudget = 10'000;

}  // namespace

workload_state::StatusTime now_of(const Parts& parts) {
  return {parts.mirror->store_time(parts.clock.steady()), parts.clock.wall()};
}

Millis budget_of(const grpc::CallbackServerContext& context) {
  const auto left = context.deadline() - std::chrono::system_clock::now();
  return std::clamp<Millis>(std::chrono::duration_cast<std::chrono::milliseconds>(left).count(), 1,
                            kMostBudget);
}

Result<Revision> min_revision_of(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find("cloudless-min-revision");
  if (it == metadata.end()) return Revision{0};
  Revision revision = 0;
  const char* end = it->second.data() + it->second.size();
  const auto [rest, error] = std::from_chars(it->second.data(), end, revision);
  if (error == std::errc{} && rest == end) return revision;
  return fail(Error{Errc::invalid_argument,
                    "metadata cloudless-min-revision is wrong",
                    {{"cloudless-min-revision", "is not a revision: a whole number"}}});
}

std::string principal_of(const grpc::CallbackServerContext& context) {
  const auto auth = context.auth_context();
  if (!auth || !auth->IsPeerAuthenticated()) return "anonymous";
  const auto view = [](const std::vector<grpc::string_ref>& found) {
    return found.empty() ? std::string_view{} : std::string_view(found.front().data(), found.front().size());
  };
  return principal_name(view(auth->GetPeerIdentity()),
                        view(auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME)));
}

Service::Service(Parts parts) : parts_(std::move(parts)) {
  for (std::size_t i = 0; i < kPool; ++i) pool_.push_back(spawn_gateway(parts_.system, parts_.owners));
}

Service::~Service() {
  for (const auto& actor : pool_) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

void Service::Ending::operator()(const Result<void>& result) const {
  auto status = result ? grpc::Status::OK : to_status(result.error());
  metrics->observe(method, status.error_code(), began);
  reactor->Finish(std::move(status));
}

Service::Ending Service::begin(Context* context, Method method) {
  return {context->DefaultReactor(), &parts_.metrics, method, std::chrono::steady_clock::now()};
}

void Service::ask(Context* context, Ask ask, Call::Done then) {
  auto call = std::make_shared<Call>(std::move(ask), budget_of(*context), std::move(then));
  caf::anon_send(pool_[next_.fetch_add(1, std::memory_order_relaxed) % pool_.size()], std::move(call));
}

}  // namespace cloudless::gateway
