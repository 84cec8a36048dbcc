#include "gateway/server.hpp"

#include <grpc/support/log.h>
#include <grpcpp/ext/channelz_service_plugin.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <mutex>
#include <utility>

#include "gateway/undecodable.hpp"

namespace cloudless::gateway {
namespace {

/// Requests are at most 1 MiB; an exec's input of 1 MiB comes with some words around it.
constexpr int kMostReceived = (1 << 20) + (64 << 10);
constexpr auto kShutdownWithin = std::chrono::seconds(1);

/// gRPC's own words go into our log, and only its complaints.
void log_of_grpc(gpr_log_func_args* line) {
  spdlog::warn("grpc: {}", line->message);
}

/// gRPC's plug-ins are global and are set up before the first server.
void set_up_plugins() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
    gpr_set_log_function(log_of_grpc);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::channelz::experimental::InitChannelzService();
  });
}

std::shared_ptr<grpc::ServerCredentials> credentials(const ServerOptions& options) {
  if (options.certificate.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions tls(options.client_ca.empty()
                                            ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                            : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = options.client_ca;
  tls.pem_key_cert_pairs.push_back({options.key, options.certificate});
  return grpc::SslServerCredentials(tls);
}

void tune(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMostReceived);
  // Reflection, health and channelz are the only synchronous services: few threads are enough for them.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  // A second process at the same port is an error, not half of the load.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 1024);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1000);
  // Clients that vanished without a word are noticed, and their watches ended.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Parts parts, const ServerOptions& options) {
  set_up_plugins();
  std::unique_ptr<Server> server(new Server(std::move(parts)));
  grpc::ServerBuilder builder;
  tune(builder);
  refuse_undecodable(builder);
  int port = 0;
  builder.AddListeningPort(options.address, credentials(options), &port);
  builder.RegisterService(&server->service_);
  server->server_ = builder.BuildAndStart();
  if (!server->server_ || port == 0)
    return fail(Errc::unavailable, "cannot listen at " + options.address +
                                       " for gRPC; is another process there, or is the certificate wrong?");
  // Clients ask for a service by its name, or for "" which stands for all of the server.
  server->server_->GetHealthCheckService()->SetServingStatus(api::CoordinatorService::service_full_name(),
                                                             true);
  server->port_ = static_cast<std::uint16_t>(port);
  return server;
}

Server::~Server() {
  if (!server_) return;
  server_->Shutdown(std::chrono::system_clock::now() + kShutdownWithin);
  server_->Wait();
}

}  // namespace cloudless::gateway
