#include "services/cloudlessctl/views.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "services/cloudlessctl/message_json.hpp"
#include "services/cloudlessctl/node_view.hpp"
#include "services/cloudlessctl/table.hpp"

namespace cloudless::cli {
namespace {

std::int64_t millis(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1000 + time.nanos() / 1'000'000;
}

std::string ready_of(const api::WorkloadStatus& status) {
  return std::to_string(status.ready_replicas()) + "/" + std::to_string(status.replicas_wanted());
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

/// "2.5", for n tenths.
std::string tenths(std::uint64_t n) {
  return std::to_string(n / 10) + (n % 10 != 0 ? "." + std::to_string(n % 10) : "");
}

std::string join(const google::protobuf::Map<std::string, std::string>& labels) {
  std::string out;
  for (const auto& [key, value] : std::map<std::string, std::string>(labels.begin(), labels.end()))
    out += (out.empty() ? "" : ",") + key + "=" + value;
  return or_dash(out);
}

std::string state_of(const api::Replica& replica) {
  std::string out = api::Replica::State_Name(replica.state());
  if (replica.stop_requested() && replica.state() < api::Replica::SUCCEEDED) out += ",stopping";
  return out;
}

/// "30001->80/tcp": the node's port and the container's.
std::vector<std::string> ports_of(const api::Replica& replica) {
  std::vector<std::string> out;
  for (const auto& port : replica.published_ports())
    out.push_back(std::to_string(port.host_port()) + "->" + std::to_string(port.container_port()) +
                  (port.protocol() == api::Port::UDP ? "/udp" : "/tcp"));
  return out;
}

std::string list_text(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ",") + word;
  return or_dash(out);
}

/// Why it is where it is; of one that runs well, how the attempt before ended.
std::string words_of(const api::Replica& replica) {
  if (!replica.reason().empty() || replica.last_end().empty() || replica.attempt() < 2)
    return or_dash(replica.reason());
  return "attempt " + std::to_string(replica.attempt() - 1) + ": " + replica.last_end();
}

std::uint64_t restarts_of(const api::WorkloadStatus& status) {
  std::uint64_t sum = 0;
  for (const auto& replica : status.replicas()) sum += replica.restarts();
  return sum;
}

/// What the replicas of a workload are published on, each once, the first few.
std::string ports_of(const api::WorkloadStatus& status) {
  constexpr std::size_t kMostShown = 4;
  std::set<std::string> all;
  for (const auto& replica : status.replicas())
    for (auto& port : ports_of(replica)) all.insert(std::move(port));
  std::vector<std::string> shown(all.begin(), std::next(all.begin(), std::min(all.size(), kMostShown)));
  if (all.size() > kMostShown) shown.push_back("...");
  return list_text(shown);
}

bool has_ports(const api::WorkloadStatus& status) {
  return std::any_of(status.replicas().begin(), status.replicas().end(),
                     [](const auto& replica) { return replica.published_ports_size() > 0; });
}

std::string replica_table(const api::WorkloadStatus& status, std::int64_t now_ms) {
  const auto& replicas = status.replicas();
  const bool published = has_ports(status);
  constexpr std::ptrdiff_t kPortsColumn = 7;
  std::vector<Column> columns{{"REPLICA"}, {"STATE"},   {"READY"},      {"RESTARTS", true}, {"VERSION", true},
                              {"NODE"},    {"ADDRESS"}, {"EXIT", true}, {"AGE", true},      {"REASON"}};
  if (published) columns.insert(columns.begin() + kPortsColumn, {"PORTS"});
  std::vector<std::vector<std::string>> rows;
  for (const auto& replica : replicas) {
    std::vector<std::string> row{replica.id(),
                                 state_of(replica),
                                 replica.ready() ? "yes" : "no",
                                 std::to_string(replica.restarts()),
                                 std::to_string(replica.version()),
                                 or_dash(replica.node_id()),
                                 or_dash(replica.address()),
                                 replica.has_exit_code() ? std::to_string(replica.exit_code()) : "-",
                                 age(millis(replica.created_at()), now_ms),
                                 words_of(replica)};
    if (published) row.insert(row.begin() + kPortsColumn, list_text(ports_of(replica)));
    rows.push_back(std::move(row));
  }
  return table_text(columns, rows);
}

std::string subject_of(const api::Event& event) {
  if (!event.replica().empty()) return "replica/" + event.replica();
  if (!event.workload().empty()) return "workload/" + event.namespace_() + "/" + event.workload();
  if (!event.node().empty()) return "node/" + event.node();
  return "-";
}

}  // namespace

std::string age(std::int64_t since_ms, std::int64_t now_ms) {
  if (since_ms == 0) return "-";
  const auto seconds = std::max<std::int64_t>(0, (now_ms - since_ms) / 1000);
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 2 * 3600) return std::to_string(seconds / 60) + "m";
  if (seconds < 2 * 86400) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::pair<const char*, std::uint64_t> kUnits[] = {
      {"Ti", 1ULL << 40}, {"Gi", 1ULL << 30}, {"Mi", 1ULL << 20}, {"Ki", 1ULL << 10}};
  for (const auto& [name, unit] : kUnits) {
    if (bytes >= unit) return tenths(bytes / (unit / 10)) + name;
  }
  return std::to_string(bytes);
}

std::string cores_text(std::uint64_t millicores) {
  std::string fraction = std::to_string(1000 + millicores % 1000).substr(1);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return std::to_string(millicores / 1000) + (fraction.empty() ? "" : "." + fraction);
}

std::string workload_table(const std::vector<api::Workload>& workloads, bool with_namespace,
                           std::int64_t now_ms) {
  std::vector<Column> columns{{"NAME"},          {"PHASE"},          {"READY", true},
                              {"UPDATED", true}, {"RESTARTS", true}, {"VERSION", true},
                              {"IMAGE"},         {"AGE", true},      {"REASON"}};
  const bool published = std::any_of(workloads.begin(), workloads.end(),
                                     [](const auto& workload) { return has_ports(workload.status()); });
  constexpr std::ptrdiff_t kPortsColumn = 7;
  if (published) columns.insert(columns.begin() + kPortsColumn, {"PORTS"});
  if (with_namespace) columns.insert(columns.begin(), {"NAMESPACE"});
  std::vector<std::vector<std::string>> rows;
  for (const auto& workload : workloads) {
    const auto& status = workload.status();
    std::vector<std::string> row{workload.name(),
                                 api::WorkloadStatus::Phase_Name(status.phase()),
                                 ready_of(status),
                                 std::to_string(status.updated_replicas()),
                                 std::to_string(restarts_of(status)),
                                 std::to_string(status.version()),
                                 workload.spec().image(),
                                 age(millis(workload.created_at()), now_ms),
                                 or_dash(status.reason())};
    if (published) row.insert(row.begin() + kPortsColumn, ports_of(status));
    if (with_namespace) row.insert(row.begin(), workload.namespace_());
    rows.push_back(std::move(row));
  }
  return table_text(columns, rows);
}

std::string workload_description(const api::Workload& workload, const std::vector<api::Event>& events,
                                 std::int64_t now_ms) {
  const auto& status = workload.status();
  const auto& spec = workload.spec();
  std::ostringstream out;
  out << "Name:      " << workload.namespace_() << "/" << workload.name() << "\n"
      << "Uid:       " << workload.uid() << "\n"
      << "Phase:     " << api::WorkloadStatus::Phase_Name(status.phase())
      << (status.reason().empty() ? "" : ": " + status.reason()) << "\n"
      << "Replicas:  " << ready_of(status) << " ready, " << status.updated_replicas() << " of version "
      << status.version() << "\n"
      << "Image:     " << spec.image() << "\n"
      << "Labels:    " << join(spec.labels()) << "\n"
      << "Revision:  " << workload.revision() << "\n"
      << "Created:   " << rfc3339(workload.created_at().seconds(), 0) << " ("
      << age(millis(workload.created_at()), now_ms) << " ago)\n";
  if (status.replicas_size() > 0) out << "\n" << replica_table(status, now_ms);
  if (!events.empty()) out << "\n" << event_table(events, now_ms);
  out << "\nSpec:\n";
  std::istringstream yaml(to_yaml(to_json(spec)));
  for (std::string line; std::getline(yaml, line);) out << "  " << line << "\n";
  return out.str();
}

std::string node_table(const std::vector<api::Node>& nodes, std::int64_t now_ms) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& node : nodes) {
    const auto amount = [](const std::string& used, const std::string& all) { return used + " of " + all; };
    rows.push_back(
        {node.id(),
         api::Node::State_Name(node.state()) + (node.draining() ? ",draining" : "") +
             (node.cordoned() ? ",cordoned" : ""),
         std::to_string(node.replicas()),
         amount(cores_text(node.reserved().cpu_millicores()),
                cores_text(reservable(node.allocatable().cpu_millicores(), node.cpu_overcommit_percent()))),
         amount(bytes_text(node.reserved().memory_bytes()),
                bytes_text(reservable(node.allocatable().memory_bytes(), node.memory_overcommit_percent()))),
         or_dash(node.region() + (node.zone().empty() ? "" : "/" + node.zone())),
         or_dash(node.agent_address()), or_dash(node.agent_version()),
         age(millis(node.registered_at()), now_ms), or_dash(node.reason())});
  }
  return table_text({{"NODE"},
                     {"STATE"},
                     {"REPLICAS", true},
                     {"CPU RESERVED", true},
                     {"MEMORY RESERVED", true},
                     {"ZONE"},
                     {"AGENT"},
                     {"VERSION"},
                     {"AGE", true},
                     {"REASON"}},
                    rows);
}

std::string event_table(const std::vector<api::Event>& events, std::int64_t now_ms) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& event : events)
    rows.push_back({age(millis(event.time()), now_ms), api::Event::Severity_Name(event.severity()),
                    event.kind(), subject_of(event), event.message()});
  return table_text({{"AGE", true}, {"SEVERITY"}, {"EVENT"}, {"ABOUT"}, {"MESSAGE"}}, rows);
}

std::string progress_line(const api::Workload& workload) {
  const auto& status = workload.status();
  return ready_of(status) + " ready, " + api::WorkloadStatus::Phase_Name(status.phase()) +
         (status.reason().empty() ? "" : ": " + status.reason());
}

}  // namespace cloudless::cli
