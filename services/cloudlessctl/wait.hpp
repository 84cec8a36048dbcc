// --wait: looks at a workload until it is what was asked for, with visible progress. Outlives a server that
// restarts.
#pragma once

#include <chrono>
#include <string>

#include "services/cloudlessctl/context.hpp"

namespace cloudless::cli {

/// Every wanted replica runs the current template and is ready, and no other is left (after a BLUE_GREEN
/// switch the old set may be); or all ended well. Fails with the rollout, if the write made one.
ExitCode wait_until_settled(Context& context, const api::Workload& written, std::chrono::milliseconds limit);

/// The workload of this uid and its containers are gone.
ExitCode wait_until_gone(Context& context, const std::string& ns, const std::string& name,
                         const std::string& uid, std::chrono::milliseconds limit);

}  // namespace cloudless::cli
