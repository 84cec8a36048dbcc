// GetUsage of AgentService: a usage session with the agent's own supervisor.
#pragma once

#include <grpcpp/grpcpp.h>

#include "cloudless/api/agent_service.pb.h"
#include "services/agent/agent_service.hpp"

namespace cloudless::agent {

grpc::ServerUnaryReactor* start_usage_call(const ServiceParts& parts, api::GetUsageReply& reply);

}  // namespace cloudless::agent
