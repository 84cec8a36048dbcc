#include "services/cloudlessctl/top_view.hpp"

#include <algorithm>
#include <utility>

#include "services/cloudlessctl/table.hpp"
#include "services/cloudlessctl/views.hpp"

namespace cloudless::cli {
namespace {

struct Row {
  std::vector<std::string> names;  ///< the leading columns
  api::Usage usage;
  std::uint64_t cpu_bound = 0;  ///< 100 %; 0: none
  std::uint64_t memory_bound = 0;
  bool first_look = false;  ///< no rates yet
  std::string trailing;
};

std::string percent(std::uint64_t used, std::uint64_t of) {
  return of == 0 ? "-" : std::to_string((used * 100 + of / 2) / of) + "%";
}

std::string per_second(std::uint64_t bytes, bool known) {
  return known ? bytes_text(bytes) + "/s" : "-";
}

/// The limit, or what is reserved where there is none.
std::uint64_t bound(bool limited, std::uint64_t limit, std::uint64_t reserved) {
  return limited ? limit : reserved;
}

void take_bounds(const api::Resources& resources, Row& row) {
  const auto& limits = resources.limits();
  const auto& requests = resources.requests();
  row.cpu_bound = bound(limits.has_cpu_millicores(), limits.cpu_millicores(), requests.cpu_millicores());
  row.memory_bound = bound(limits.has_memory_bytes(), limits.memory_bytes(), requests.memory_bytes());
}

void sort_rows(std::vector<Row>& rows, TopOrder order) {
  const auto weight = [&](const Row& row) {
    return order == TopOrder::cpu ? row.usage.cpu_millicores() : row.usage.memory_bytes();
  };
  if (order != TopOrder::name)
    std::stable_sort(rows.begin(), rows.end(),
                     [&](const Row& a, const Row& b) { return weight(a) > weight(b); });
}

std::string table(std::vector<Column> columns, std::vector<Row> rows, TopOrder order, const char* trailing) {
  sort_rows(rows, order);
  for (const char* number :
       {"CPU", "CPU%", "MEMORY", "MEMORY%", "NET IN", "NET OUT", "DISK READ", "DISK WRITE"})
    columns.push_back({number, true});
  if (trailing != nullptr) columns.push_back({trailing});
  std::vector<std::vector<std::string>> cells;
  for (const auto& row : rows) {
    const auto& u = row.usage;
    auto line = row.names;
    const bool rates = !row.first_look;
    line.push_back(rates ? cores_text(u.cpu_millicores()) : "-");
    line.push_back(rates ? percent(u.cpu_millicores(), row.cpu_bound) : "-");
    line.push_back(bytes_text(u.memory_bytes()));
    line.push_back(percent(u.memory_bytes(), row.memory_bound));
    line.push_back(per_second(u.network_received_bps(), rates));
    line.push_back(per_second(u.network_sent_bps(), rates));
    line.push_back(per_second(u.disk_read_bps(), rates));
    line.push_back(per_second(u.disk_written_bps(), rates));
    if (trailing != nullptr) line.push_back(row.trailing);
    cells.push_back(std::move(line));
  }
  return table_text(columns, cells);
}

}  // namespace

std::string top_workloads(const api::ListUsageReply& usage, bool with_namespace, TopOrder order) {
  std::vector<Row> rows;
  for (const auto& workload : usage.workloads()) {
    Row row;
    if (with_namespace) row.names.push_back(workload.namespace_());
    row.names.push_back(workload.workload());
    row.names.push_back(std::to_string(workload.replicas()));
    row.usage = workload.usage();
    take_bounds(workload.resources(), row);
    row.first_look = workload.window_ms() == 0;
    rows.push_back(std::move(row));
  }
  std::vector<Column> columns{{"WORKLOAD"}, {"RUNNING", true}};
  if (with_namespace) columns.insert(columns.begin(), {"NAMESPACE"});
  return table(std::move(columns), std::move(rows), order, nullptr);
}

std::string top_replicas(const api::ListUsageReply& usage, bool with_namespace, TopOrder order) {
  std::vector<Row> rows;
  for (const auto& replica : usage.replicas()) {
    Row row;
    if (with_namespace) row.names.push_back(replica.namespace_());
    row.names.push_back(replica.replica_id());
    row.names.push_back(replica.node_id());
    row.usage = replica.usage();
    take_bounds(replica.resources(), row);
    row.first_look = replica.window_ms() == 0;
    rows.push_back(std::move(row));
  }
  std::vector<Column> columns{{"REPLICA"}, {"NODE"}};
  if (with_namespace) columns.insert(columns.begin(), {"NAMESPACE"});
  return table(std::move(columns), std::move(rows), order, nullptr);
}

std::string top_nodes(const api::ListUsageReply& usage, TopOrder order) {
  std::vector<Row> rows;
  for (const auto& node : usage.nodes()) {
    Row row;
    row.names = {node.node_id(), node.error().empty() ? std::to_string(node.replicas()) : "-"};
    row.usage = node.usage();
    row.cpu_bound = node.allocatable().cpu_millicores();
    row.memory_bound = node.allocatable().memory_bytes();
    row.first_look = !node.error().empty();
    row.trailing = node.error().empty() ? "-" : node.error();
    rows.push_back(std::move(row));
  }
  return table({{"NODE"}, {"RUNNING", true}}, std::move(rows), order, "REASON");
}

}  // namespace cloudless::cli
