#include "actors/runtime/containerd/cni_config.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace cloudless::runtime {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 4> kVersions{"0.3.0", "0.3.1", "0.4.0", "1.0.0"};
constexpr char kPortMappings[] = "portMappings";
constexpr std::size_t kMostErrorText = 500;

bool publishes(const json& plugin) {
  const auto capabilities = plugin.find("capabilities");
  return capabilities != plugin.end() && capabilities->is_object() &&
         capabilities->value(kPortMappings, false);
}

json port_mappings(const std::vector<PublishedPort>& ports) {
  json out = json::array();
  for (const auto& port : ports)
    out.push_back({{"hostPort", port.host_port},
                   {"containerPort", port.container_port},
                   {"protocol", port.protocol == Protocol::udp ? "udp" : "tcp"}});
  return out;
}

std::vector<std::string> texts(const json& object, const char* key) {
  std::vector<std::string> out;
  if (const auto found = object.find(key); found != object.end() && found->is_array())
    for (const auto& item : *found)
      if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

/// What is wrong; empty: nothing.
std::string complaint(const CniNetwork& network) {
  if (network.name.empty()) return "has no name";
  if (std::find(kVersions.begin(), kVersions.end(), network.version) == kVersions.end())
    return "has cniVersion \"" + network.version + "\"; known are 0.3.0, 0.3.1, 0.4.0 and 1.0.0";
  if (network.plugins.empty()) return "names no plugin";
  for (const auto& plugin : network.plugins) {
    const auto type = plugin.is_object() ? plugin.value("type", "") : std::string{};
    if (type.empty() || type.find('/') != std::string::npos)
      return "has a plugin without a type that is a program's name";
  }
  return {};
}

}  // namespace

bool CniNetwork::can_check() const {
  return !disable_check && version != "0.3.0" && version != "0.3.1";
}

bool CniNetwork::maps_ports() const {
  return std::any_of(plugins.begin(), plugins.end(), publishes);
}

Result<CniNetwork> parse_cni_network(const std::string& text, const std::string& file) try {
  const auto parsed = json::parse(text);
  CniNetwork out;
  out.name = parsed.value("name", "");
  out.version = parsed.value("cniVersion", "");
  out.disable_check = parsed.value("disableCheck", false);
  if (const auto plugins = parsed.find("plugins"); plugins != parsed.end()) {
    for (const auto& plugin : *plugins) out.plugins.push_back(plugin);
  } else {
    out.plugins.push_back(parsed);
  }
  if (const auto wrong = complaint(out); !wrong.empty())
    return fail(Errc::invalid_argument, "CNI configuration " + file + " " + wrong);
  return out;
} catch (const json::exception& e) {
  return fail(Errc::invalid_argument, "CNI configuration " + file + " cannot be read: " + e.what());
}

std::optional<std::string> choose_cni_file(std::vector<std::string> names) {
  std::erase_if(names, [](const std::string& name) {
    return !name.ends_with(".conflist") && !name.ends_with(".conf") && !name.ends_with(".json");
  });
  if (names.empty()) return std::nullopt;
  return *std::min_element(names.begin(), names.end());
}

std::string plugin_input(const CniNetwork& network, std::size_t plugin, const json& previous,
                         const std::vector<PublishedPort>& ports) {
  json out = network.plugins.at(plugin);
  out["name"] = network.name;
  out["cniVersion"] = network.version;
  if (!previous.is_null()) out["prevResult"] = previous;
  if (publishes(out)) out["runtimeConfig"][kPortMappings] = port_mappings(ports);
  return out.dump();
}

Result<CniResult> parse_cni_result(const json& result) {
  CniResult out;
  if (result.is_object()) {
    for (const auto& ip : result.value("ips", json::array())) {
      const auto address = ip.is_object() ? ip.value("address", "") : std::string{};
      if (out.address.empty() && address.find('.') != std::string::npos)
        out.address = address.substr(0, address.find('/'));
    }
    const auto dns = result.value("dns", json::object());
    if (dns.is_object()) out.dns = {texts(dns, "nameservers"), texts(dns, "search"), texts(dns, "options")};
  }
  if (out.address.empty())
    return fail(Errc::failed_precondition, "the CNI plugins gave the replica no IPv4 address");
  return out;
}

std::string cni_error_text(const std::string& output) {
  const auto parsed = json::parse(output, nullptr, false);
  if (parsed.is_object() && parsed.contains("msg") && parsed["msg"].is_string()) {
    const auto details = parsed.find("details");
    return parsed["msg"].get<std::string>() +
           (details != parsed.end() && details->is_string() && !details->get<std::string>().empty()
                ? ": " + details->get<std::string>()
                : "");
  }
  auto text = output.substr(0, kMostErrorText);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text.empty() ? "it said nothing" : text;
}

}  // namespace cloudless::runtime
