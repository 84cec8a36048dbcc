// The connection to a coordinator or gateway. One call at a time, each with a time limit.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "cloudless/api/coordinator_service.grpc.pb.h"
#include "messages/domain/error.hpp"
#include "services/cloudlessctl/endpoint.hpp"
#include "services/cloudlessctl/exit_code.hpp"

namespace cloudless::cli {

/// Why the server did not do it, in its words.
struct Failure {
  grpc::StatusCode code = grpc::StatusCode::UNKNOWN;
  std::string message;                ///< without the violations' lines
  std::vector<Violation> violations;  ///< the bad fields, as paths of the API
};
Failure failure_of(const grpc::Status& status);
ExitCode exit_code_of(grpc::StatusCode code);
/// "NOT_FOUND: workload default/web does not exist", and a line for each violation.
std::string to_text(const Failure& failure);

template <class T>
using Answer = tl::expected<T, Failure>;

class Client {
 public:
  using Service = api::CoordinatorService;

  /// Connects with the first call.
  Client(Endpoint endpoint, std::chrono::milliseconds timeout);

  /// `client.call(&Client::Service::Stub::GetWorkload, request)`.
  template <class Request, class Reply>
  Answer<Reply> call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
                     const std::type_identity_t<Request>& request,
                     std::chrono::milliseconds extra = std::chrono::milliseconds{0}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout_ + extra);
    Reply reply;
    const auto status = ((*stub_).*method)(&context, request, &reply);
    if (!status.ok()) return tl::make_unexpected(failure_of(status));
    return reply;
  }
  Service::Stub& stub() { return *stub_; }

  /// Where no connection came to be because of TLS, the message says why and how to mend it: for that the
  /// server is looked at once more (handshake.hpp). Any other failure as it is.
  Failure explained(Failure failure) const;

 private:
  Endpoint endpoint_;
  std::unique_ptr<Service::Stub> stub_;
  std::chrono::milliseconds timeout_;
};

}  // namespace cloudless::cli
