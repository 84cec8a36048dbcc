// What objects of the API look like to people: tables and descriptions. Pure; now_ms is the wall clock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cloudless/api/event.pb.h"
#include "cloudless/api/node.pb.h"
#include "cloudless/api/workload.pb.h"

namespace cloudless::cli {

/// "5s", "12m", "3h", "4d"; "-" for 0.
std::string age(std::int64_t since_ms, std::int64_t now_ms);
/// "64Mi", "1.5Gi", "1000".
std::string bytes_text(std::uint64_t bytes);
/// "2", "0.5".
std::string cores_text(std::uint64_t millicores);

std::string workload_table(const std::vector<api::Workload>& workloads, bool with_namespace,
                           std::int64_t now_ms);
std::string workload_description(const api::Workload& workload, const std::vector<api::Event>& events,
                                 std::int64_t now_ms);
std::string node_table(const std::vector<api::Node>& nodes, std::int64_t now_ms);
std::string event_table(const std::vector<api::Event>& events, std::int64_t now_ms);
/// One line: "2/3 ready, UPDATING: ...".
std::string progress_line(const api::Workload& workload);

}  // namespace cloudless::cli
