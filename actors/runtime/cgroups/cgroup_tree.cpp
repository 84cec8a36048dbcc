#include "actors/runtime/cgroups/cgroup_tree.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <utility>

namespace cloudless::runtime {
namespace {

constexpr std::int64_t kMebibyte = 1 << 20;
constexpr std::int64_t kGibibyte = 1 << 30;
constexpr std::int64_t kNoLimit = std::int64_t{1} << 60;  // v1 says "none" with a number just below 2^63
constexpr std::uint64_t kMillisPerCore = 1000;
constexpr int kMostProcesses = 512;  // whose disk usage is read at a time: a look must stay cheap

/// A control file's text. They are small: memory.stat, the longest, has some 2 KiB.
std::string read_control_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::array<char, 8192> buffer;
  std::string text;
  for (ssize_t n = 0; (n = ::read(file, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(n));
  ::close(file);
  return text;
}

/// The whole number that a text begins with.
std::optional<std::int64_t> leading_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> number_in(const std::string& path) {
  return leading_number(read_control_file(path));
}

/// The number after `key` in a text of "key value" lines.
std::optional<std::int64_t> number_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return leading_number(line.substr(key.size() + 1));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return std::nullopt;
}

std::uint64_t positive(std::optional<std::int64_t> number) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, number.value_or(0)));
}

/// The sum of the numbers that follow `word`, over all devices: "8:0 rbytes=4096 wbytes=0".
std::uint64_t sum_over_devices(std::string_view text, std::string_view word) {
  std::uint64_t sum = 0;
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size()))
    sum += positive(leading_number(text.substr(at + word.size())));
  return sum;
}

std::optional<std::int64_t> limit_in(const std::string& path) {
  const auto limit = number_in(path);  // "max" is no number
  return limit && *limit >= 0 && *limit < kNoLimit ? limit : std::nullopt;
}

/// With their paths; none where there is no such folder.
std::vector<std::string> folders_in(const std::string& path) {
  std::vector<std::string> out;
  std::error_code gone;
  std::filesystem::directory_iterator at(path, gone);
  for (; at != std::filesystem::directory_iterator(); at.increment(gone))
    if (at->is_directory(gone)) out.push_back(at->path().string());
  return out;
}

std::string parent_of(const std::string& group) {
  return group.substr(0, group.rfind('/'));
}

}  // namespace

CgroupTree::CgroupTree(std::string root, std::string proc)
    : root_(std::move(root)),
      proc_(std::move(proc)),
      layout_(::access((root_ + "/cgroup.controllers").c_str(), F_OK) == 0 ? CgroupLayout::v2
                                                                           : CgroupLayout::v1) {}

std::string CgroupTree::folder(const std::string& controller, const std::string& group) const {
  return layout_ == CgroupLayout::v2 ? root_ + group : root_ + "/" + controller + group;
}

bool CgroupTree::in_use(const std::string& group) const {
  return !read_control_file(folder("memory", group) + "/cgroup.procs").empty();
}

void CgroupTree::add_disk_of_processes(const std::string& group, GroupUsage& usage) const {
  const auto processes = read_control_file(folder("memory", group) + "/cgroup.procs");
  std::string_view rest = processes;
  for (int n = 0; n < kMostProcesses && !rest.empty(); ++n) {
    const auto process = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), process.size() + 1));
    const auto io = read_control_file(proc_ + "/" + std::string(process) + "/io");
    usage.disk_read_bytes += positive(number_of(io, "read_bytes:"));
    usage.disk_written_bytes += positive(number_of(io, "write_bytes:"));
  }
}

std::optional<GroupUsage> CgroupTree::usage(const std::string& group) const {
  GroupUsage out;
  const bool v2 = layout_ == CgroupLayout::v2;
  if (v2) {
    const auto cpu = number_of(read_control_file(root_ + group + "/cpu.stat"), "usage_usec");
    if (!cpu) return std::nullopt;
    out.cpu_nanos = positive(cpu) * 1000;
    const auto io = read_control_file(root_ + group + "/io.stat");
    out.disk_read_bytes = sum_over_devices(io, "rbytes=");
    out.disk_written_bytes = sum_over_devices(io, "wbytes=");
  } else {
    const auto cpu = number_in(folder("cpuacct", group) + "/cpuacct.usage");
    if (!cpu) return std::nullopt;
    out.cpu_nanos = positive(cpu);
    add_disk_of_processes(group, out);
  }
  const auto memory = folder("memory", group);
  const auto used = positive(number_in(memory + (v2 ? "/memory.current" : "/memory.usage_in_bytes")));
  const auto stat = read_control_file(memory + "/memory.stat");
  const auto idle = positive(number_of(stat, v2 ? "inactive_file" : "total_inactive_file"));
  out.memory_bytes = used > idle ? used - idle : 0;
  out.processes = positive(number_in(folder("pids", group) + "/pids.current"));
  return out;
}

std::optional<std::int64_t> CgroupTree::memory_limit(const std::string& group) const {
  return limit_in(folder("memory", group) +
                  (layout_ == CgroupLayout::v2 ? "/memory.max" : "/memory.limit_in_bytes"));
}

ResourceLimits CgroupTree::limits(const std::string& group) const {
  ResourceLimits out;
  out.memory_bytes = memory_limit(group);
  out.pids = limit_in(folder("pids", group) + "/pids.max");
  std::optional<std::int64_t> quota, period;
  if (layout_ == CgroupLayout::v2) {
    const auto text = read_control_file(root_ + group + "/cpu.max");  // "50000 100000" or "max 100000"
    quota = leading_number(text);
    if (const auto space = text.find(' '); space != std::string::npos)
      period = leading_number(std::string_view(text).substr(space + 1));
  } else {
    quota = number_in(folder("cpu", group) + "/cpu.cfs_quota_us");
    period = number_in(folder("cpu", group) + "/cpu.cfs_period_us");
  }
  if (quota && *quota > 0 && period && *period > 0)
    out.cpu_millicores = *quota * static_cast<std::int64_t>(kMillisPerCore) / *period;
  return out;
}

std::uint64_t CgroupTree::memory_in_use(const std::string& group) const {
  const bool v2 = layout_ == CgroupLayout::v2;
  const auto memory = folder("memory", group);
  const auto used = positive(number_in(memory + (v2 ? "/memory.current" : "/memory.usage_in_bytes")));
  const auto stat = read_control_file(memory + "/memory.stat");
  const auto files = positive(number_of(stat, v2 ? "inactive_file" : "total_inactive_file")) +
                     positive(number_of(stat, v2 ? "active_file" : "total_active_file"));
  return used > files ? used - files : 0;
}

bool CgroupTree::memory_limit_was_reached(const std::string& group) const {
  if (layout_ == CgroupLayout::v1)
    return positive(number_in(folder("memory", group) + "/memory.failcnt")) > 0;
  // Only v2's local events are the group's own; before Linux 5.9 there are none.
  auto events = read_control_file(root_ + group + "/memory.events.local");
  if (events.empty()) events = read_control_file(root_ + group + "/memory.events");
  return positive(number_of(events, "oom")) > 0 || positive(number_of(events, "max")) > 0;
}

std::optional<std::string> CgroupTree::out_of_memory(const std::string& group) const {
  const auto events = read_control_file(
      folder("memory", group) + (layout_ == CgroupLayout::v2 ? "/memory.events" : "/memory.oom_control"));
  if (positive(number_of(events, "oom_kill")) == 0) return std::nullopt;
  const auto own = memory_limit(group);
  if (own && memory_limit_was_reached(group)) return "out of memory, limit " + memory_text(*own);
  for (auto above = parent_of(group); !above.empty(); above = parent_of(above)) {
    const auto limit = memory_limit(above);
    if (limit && memory_limit_was_reached(above))
      return "out of memory, limit " + memory_text(*limit) + " of all containers of this node";
  }
  if (own) return "out of memory, limit " + memory_text(*own);
  return "out of memory of the machine: the container has no limit of its own";
}

std::vector<std::string> CgroupTree::hierarchies() const {
  return layout_ == CgroupLayout::v2 ? std::vector{root_} : folders_in(root_);
}

std::set<std::string> CgroupTree::groups_below(const std::string& parent) const {
  std::set<std::string> out;
  for (const auto& hierarchy : hierarchies())
    for (const auto& middle : folders_in(hierarchy + parent))
      for (const auto& group : folders_in(middle)) out.insert(group.substr(hierarchy.size()));
  return out;
}

void CgroupTree::remove(const std::string& group) const {
  for (const auto& hierarchy : hierarchies()) ::rmdir((hierarchy + group).c_str());
}

std::string memory_text(std::int64_t bytes) {
  if (bytes > 0 && bytes % kGibibyte == 0) return std::to_string(bytes / kGibibyte) + " GiB";
  if (bytes % kMebibyte == 0) return std::to_string(bytes / kMebibyte) + " MiB";
  return std::to_string(bytes) + " bytes";
}

std::string namespace_group(const std::string& parent, const std::string& ns) {
  // v1 has the files "tasks" and others with a '.' or '_', which a namespace cannot have.
  return parent + "/" + (ns == "tasks" ? "tasks_" : ns);
}

std::string container_group(const std::string& parent, const std::string& ns, const std::string& replica) {
  return namespace_group(parent, ns) + "/" + replica;
}

}  // namespace cloudless::runtime
