#include "gateway/undecodable.hpp"

#include <google/protobuf/descriptor.h>
#include <grpcpp/support/server_interceptor.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace cloudless::gateway {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerRpcInfo;

/// Of "/package.Service/Method"; null if nothing of that name is generated.
const google::protobuf::MethodDescriptor* method_of(std::string path) {
  if (!path.empty()) path.erase(0, 1);
  std::replace(path.begin(), path.end(), '/', '.');
  return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(path);
}

class Interceptor final : public grpc::experimental::Interceptor {
 public:
  explicit Interceptor(const char* method) : method_(method) {}

  void Intercept(InterceptorBatchMethods* batch) override {
    if (batch->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) correct(*batch);
    batch->Proceed();
  }

 private:
  /// Our own UNIMPLEMENTED always names a field.
  void correct(InterceptorBatchMethods& batch) const {
    const auto status = batch.GetSendStatus();
    if (status.error_code() != grpc::StatusCode::UNIMPLEMENTED || !status.error_message().empty()) return;
    const auto* method = method_of(method_);
    if (method == nullptr) return;
    batch.ModifySendStatus({grpc::StatusCode::INVALID_ARGUMENT, method->name() + ": the request is not a " +
                                                                    method->input_type()->full_name() +
                                                                    ": its bytes cannot be decoded"});
  }

  const char* method_;
};

class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return info->method() == nullptr ? nullptr : new Interceptor(info->method());
  }
};

}  // namespace

void refuse_undecodable(grpc::ServerBuilder& builder) {
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<Factory>());
  builder.experimental().SetInterceptorCreators(std::move(factories));
}

}  // namespace cloudless::gateway
