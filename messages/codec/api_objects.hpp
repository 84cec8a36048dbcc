// What people read back: domain values to the API's messages. Used by gateways and by the agent's API.
#pragma once

#include <string>

#include "cloudless/api/agent_service.pb.h"
#include "cloudless/api/event.pb.h"
#include "cloudless/api/node.pb.h"
#include "cloudless/api/stream.pb.h"
#include "cloudless/api/workload.pb.h"
#include "messages/domain/event.hpp"
#include "messages/domain/node.hpp"
#include "messages/domain/observation.hpp"
#include "messages/domain/session.hpp"
#include "messages/domain/status.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::codec {

/// `store_revision`: that the answer has seen; 0 inside lists.
api::Workload to_api(const Workload& workload, const WorkloadStatus& status, Revision store_revision = 0);
api::Replica to_api(const Replica& replica);
/// `reserved` and `replicas`: what its live replicas reserve, and how many they are.
api::Node to_api(const Node& node, const Resources& reserved, std::uint32_t replicas,
                 Revision store_revision = 0);
api::Event to_api(const Event& event);
/// `replica` may be empty where it is not known.
api::LogLine to_api(const LogLine& line, const ReplicaId& replica);
api::ExecCommandReply to_api(const ExecResult& result);
/// GetContainerStatus; `pid` is 0 when it does not run.
api::GetContainerStatusReply to_api(const ReplicaReport& report, std::uint32_t pid);

}  // namespace cloudless::codec
