// The manifests that a command line names: read, parsed and with a namespace each.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "services/cloudlessctl/context.hpp"
#include "services/cloudlessctl/manifest.hpp"

namespace cloudless::cli {

/// All of all files ("-": standard input). Otherwise everything that is wrong with them has been printed.
tl::expected<std::vector<Manifest>, ExitCode> read_manifests(Context& context,
                                                             const std::vector<std::string>& files);

/// Prints what the server says of a manifest: its violations at their lines, then the rest.
ExitCode report_manifest(Context& context, const Manifest& manifest, const Failure& failure);

}  // namespace cloudless::cli
