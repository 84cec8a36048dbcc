// What a client hears whose request is not of the method's message: gRPC itself would say UNIMPLEMENTED
// without a word, as if the method did not exist. Shared by the coordinator's and the agent's API.
#pragma once

#include <grpcpp/server_builder.h>

namespace cloudless::gateway {

/// From now on undecodable requests of methods that exist are answered INVALID_ARGUMENT, with the message's
/// name. Costs one small object a call.
void refuse_undecodable(grpc::ServerBuilder& builder);

}  // namespace cloudless::gateway
