// The owner of workloads, versions and replicas: the only writer of their records. A request is answered when
// its commit is durable.
#pragma once

#include "messages/carried.hpp"
#include "messages/store.hpp"

CAF_BEGIN_TYPE_ID_BLOCK(cloudless_workload_state, caf::first_custom_type_id + 20)
CAF_ADD_TYPE_ID(cloudless_workload_state, (cloudless::Carried<cloudless::WorkloadCommand>))
CAF_ADD_TYPE_ID(cloudless_workload_state, (cloudless::Carried<cloudless::CommandReply>))
CAF_ADD_TYPE_ID(cloudless_workload_state, (cloudless::Carried<cloudless::Proposal>))
CAF_ADD_TYPE_ID(cloudless_workload_state, (cloudless::Carried<cloudless::ProposalAnswer>))
CAF_ADD_TYPE_ID(cloudless_workload_state, (cloudless::Carried<cloudless::NodeReport>))
CAF_ADD_TYPE_ID(cloudless_workload_state, (cloudless::Carried<cloudless::ReportAck>))
CAF_ADD_TYPE_ID(cloudless_workload_state, (cloudless::Carried<cloudless::EndpointFollowing>))
CAF_END_TYPE_ID_BLOCK(cloudless_workload_state)

namespace cloudless {

using workload_state_actor = ActorOf<
    // From a gateway. INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, ABORTED, FAILED_PRECONDITION, UNAVAILABLE.
    caf::result<Carried<CommandReply>>(Carried<WorkloadCommand>),
    // From scheduler or rollout; each item is answered on its own. UNAVAILABLE: compute again.
    caf::result<Carried<ProposalAnswer>>(Carried<Proposal>),
    // From node_link. UNAVAILABLE: the agent will repeat.
    caf::result<Carried<ReportAck>>(Carried<NodeReport>),
    // From a gateway; see EndpointFollowing. Not answered: it is repeated.
    caf::result<void>(Carried<EndpointFollowing>)>;

}  // namespace cloudless
