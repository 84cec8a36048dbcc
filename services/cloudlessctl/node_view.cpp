#include "services/cloudlessctl/node_view.hpp"

#include <map>
#include <sstream>
#include <vector>

#include "services/cloudlessctl/rollout_view.hpp"
#include "services/cloudlessctl/views.hpp"

namespace cloudless::cli {
namespace {

std::string comma_separated(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out.empty() ? "-" : out;
}

std::string labels_of(const api::Node& node) {
  std::vector<std::string> words;
  for (const auto& [key, value] :
       std::map<std::string, std::string>(node.labels().begin(), node.labels().end()))
    words.push_back(key + "=" + value);
  return comma_separated(words);
}

std::string taints_of(const api::Node& node) {
  static const std::string kPrefix = "TAINT_EFFECT_";
  std::vector<std::string> words;
  for (const auto& taint : node.taints()) {
    auto effect = api::TaintEffect_Name(taint.effect());
    if (effect.starts_with(kPrefix)) effect.erase(0, kPrefix.size());
    words.push_back(taint.key() + (taint.value().empty() ? "" : "=" + taint.value()) + ":" + effect);
  }
  return comma_separated(words);
}

std::string allowed_by(const api::Node& node) {
  if (!node.has_policy()) return "not said (its agent is older)";
  const auto& policy = node.policy();
  std::vector<std::string> words;
  const auto add = [&](bool allowed, const char* what) {
    if (allowed) words.emplace_back(what);
  };
  add(policy.privileged(), "privileged");
  add(policy.host_network(), "host network");
  add(policy.host_pid(), "host processes");
  add(policy.host_ipc(), "host IPC");
  for (const auto& path : policy.host_paths())
    words.push_back(path.path() + (path.writable() ? "" : " (read-only)"));
  return words.empty() ? "nothing beyond its own container" : comma_separated(words);
}

std::string gpu_text(const api::ResourceList& amounts) {
  return std::to_string(amounts.gpu_count()) +
         (amounts.gpu_milli() == 0 ? "" : " and " + std::to_string(amounts.gpu_milli()) + " thousandths");
}

std::string percent_text(std::uint32_t percent) {
  return percent == 0 || percent == 100 ? "" : " (" + std::to_string(percent) + " % of what is allocatable)";
}

}  // namespace

std::uint64_t reservable(std::uint64_t allocatable, std::uint32_t percent) {
  return percent == 0 ? allocatable : allocatable / 100 * percent + allocatable % 100 * percent / 100;
}

std::string node_description(const api::Node& node, std::int64_t now_ms) {
  const auto& room = node.allocatable();
  const auto& used = node.reserved();
  const auto registered = node.registered_at().seconds() * 1000 + node.registered_at().nanos() / 1'000'000;
  std::ostringstream out;
  const auto line = [&](const std::string& name, const std::string& value) {
    out << name << std::string(name.size() < 15 ? 15 - name.size() : 1, ' ') << (value.empty() ? "-" : value)
        << "\n";
  };
  line("Name:", node.id());
  line("State:", api::Node::State_Name(node.state()) + (node.draining() ? ", " + drain_line(node) : "") +
                     (node.cordoned() ? ", cordoned" : "") +
                     (node.reason().empty() ? "" : ": " + node.reason()));
  line("Zone:", node.region() + (node.zone().empty() ? "" : "/" + node.zone()));
  line("Labels:", labels_of(node));
  line("Taints:", taints_of(node));
  line("Agent:", node.agent_address() + " " + node.agent_version() + ", " + node.architecture() + ", since " +
                     age(registered, now_ms));
  line("Replicas:", std::to_string(node.replicas()));
  line("CPU:", cores_text(used.cpu_millicores()) + " reserved of " +
                   cores_text(reservable(room.cpu_millicores(), node.cpu_overcommit_percent())) +
                   percent_text(node.cpu_overcommit_percent()));
  line("Memory:", bytes_text(used.memory_bytes()) + " reserved of " +
                      bytes_text(reservable(room.memory_bytes(), node.memory_overcommit_percent())) +
                      percent_text(node.memory_overcommit_percent()));
  line("Storage:", bytes_text(used.storage_bytes()) + " reserved of " + bytes_text(room.storage_bytes()));
  line("Bandwidth:", std::to_string(used.bandwidth_bps()) + " reserved of " +
                         std::to_string(room.bandwidth_bps()) + " bit/s");
  line("GPUs:", gpu_text(used) + " reserved of " + gpu_text(room));
  line("Runtimes:", comma_separated({node.runtime_classes().begin(), node.runtime_classes().end()}));
  line("Allows:", allowed_by(node));
  line("Cost:", std::to_string(node.cost_milli()) + " thousandths per hour");
  line("Round trip:",
       node.link_rtt_ms() == 0 ? "not known, or below 1 ms" : std::to_string(node.link_rtt_ms()) + " ms");
  line("Lost of late:",
       std::to_string(node.recent_losses()) + (node.recent_losses() == 1 ? " time" : " times"));
  return out.str();
}

}  // namespace cloudless::cli
