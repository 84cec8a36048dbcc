// What people read back: domain values to the API's messages. Used by gateways and by the agent's API.
#pragma once

#include <optional>
#include <string>

#include "cloudless/api/agent_service.pb.h"
#include "cloudless/api/event.pb.h"
#include "cloudless/api/node.pb.h"
#include "cloudless/api/rollout.pb.h"
#include "cloudless/api/stream.pb.h"
#include "cloudless/api/workload.pb.h"
#include "messages/domain/event.hpp"
#include "messages/domain/node.hpp"
#include "messages/domain/observation.hpp"
#include "messages/domain/rollout.hpp"
#include "messages/domain/rollout_status.hpp"
#include "messages/domain/session.hpp"
#include "messages/domain/status.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::codec {

/// `store_revision`: that the answer has seen; 0 inside lists.
api::Workload to_api(const Workload& workload, const WorkloadStatus& status, Revision store_revision = 0);
/// `serving_version` is the workload's: where it is not 0, replicas of other versions do not serve.
api::Replica to_api(const Replica& replica, std::uint64_t serving_version);
api::PublishedPort to_api(const PublishedPort& port);
/// `reserved` and `replicas`: what its live replicas reserve, and how many they are. `drain`: of one that is
/// draining.
api::Node to_api(const Node& node, const Resources& reserved, std::uint32_t replicas,
                 const std::optional<DrainStatus>& drain, Revision store_revision = 0);
/// Of the rollout, its workload as it is now, and what is derived of both. `wall`: now.
api::Rollout to_api(const Rollout& rollout, const Workload& workload, const RolloutStatus& status,
                    WallMillis wall, Revision store_revision = 0);
/// `replicas`: those of it that are not gone.
api::WorkloadVersion to_api(const Version& version, const Workload& workload, std::uint32_t replicas);
api::Event to_api(const Event& event);
/// `replica` may be empty where it is not known.
api::LogLine to_api(const LogLine& line, const ReplicaId& replica);
api::ExecCommandReply to_api(const ExecResult& result);
/// GetContainerStatus; `pid` is 0 when it does not run.
api::GetContainerStatusReply to_api(const ReplicaReport& report, std::uint32_t pid);

}  // namespace cloudless::codec
