#include "actors/runtime/containerd/client.hpp"

#include <chrono>

#include "actors/runtime/containerd/runtime_error.hpp"

namespace cloudless::runtime {
namespace {

constexpr int kMessageLimit = 16 << 20;  // containerd's own

grpc::ChannelArguments arguments() {
  grpc::ChannelArguments out;
  out.SetMaxReceiveMessageSize(kMessageLimit);
  out.SetMaxSendMessageSize(kMessageLimit);
  out.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");  // the default, a path, is refused by Go's HTTP/2
  out.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A restarted containerd is met again at once; gRPC's own back-off starts at one second.
  out.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  out.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
  out.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  return out;
}

}  // namespace

Client::Client(const ContainerdOptions& options)
    : namespace_(namespace_of(options)),
      channel_(grpc::CreateCustomChannel("unix://" + options.socket, grpc::InsecureChannelCredentials(),
                                         arguments())),
      containers_(containers_v1::Containers::NewStub(channel_)),
      tasks_(tasks_v1::Tasks::NewStub(channel_)),
      snapshots_(snapshots_v1::Snapshots::NewStub(channel_)),
      content_(content_v1::Content::NewStub(channel_)),
      images_(images_v1::Images::NewStub(channel_)),
      namespaces_(namespaces_v1::Namespaces::NewStub(channel_)),
      leases_(leases_v1::Leases::NewStub(channel_)),
      diff_(diff_v1::Diff::NewStub(channel_)),
      cri_images_(cri_v1::ImageService::NewStub(channel_)) {}

Error Client::error_of(const grpc::Status& status, const char* what) {
  return runtime_error(static_cast<int>(status.error_code()), status.error_message(), what);
}

void Client::enlist(grpc::ClientContext& context, const CallScope& scope) {
  context.AddMetadata("containerd-namespace", scope.containerd_namespace);
  if (!scope.lease.empty()) context.AddMetadata("containerd-lease", scope.lease);
  if (scope.timeout > 0)
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(scope.timeout));
  const std::lock_guard lock(mutex_);
  under_way_.insert(&context);
  if (shut_down_) context.TryCancel();
}

void Client::discharge(grpc::ClientContext& context) {
  const std::lock_guard lock(mutex_);
  under_way_.erase(&context);
  if (under_way_.empty()) all_home_.notify_all();
}

void Client::shut_down() {
  std::unique_lock lock(mutex_);
  shut_down_ = true;
  for (auto* context : under_way_) context->TryCancel();
  all_home_.wait(lock, [&] { return under_way_.empty(); });
}

Result<Nothing> Client::read_blob(const std::string& digest, const CallScope& scope,
                                  const std::function<bool(const std::string&, std::int64_t)>& take) {
  grpc::ClientContext context;
  const Registration registered(*this, context, scope);
  content_v1::ReadContentRequest request;
  request.set_digest(digest);
  const auto reader = content_->Read(&context, request);
  content_v1::ReadContentResponse piece;
  std::int64_t offset = 0;
  while (reader->Read(&piece)) {
    if (!take(piece.data(), offset)) context.TryCancel();
    offset += static_cast<std::int64_t>(piece.data().size());
  }
  const auto status = reader->Finish();
  if (!status.ok()) return fail(error_of(status, scope.what));
  return Nothing{};
}

}  // namespace cloudless::runtime
