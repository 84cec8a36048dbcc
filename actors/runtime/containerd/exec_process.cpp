#include "actors/runtime/containerd/exec_process.hpp"

#include <nlohmann/json.hpp>

#include "actors/runtime/containerd/oci_spec.hpp"

namespace cloudless::runtime {
namespace {

using nlohmann::json;

void set_variable(json& process, const std::string& name, const std::string& value) {
  json kept = json::array();
  for (const auto& entry : process.value("env", json::array()))
    if (!entry.is_string() || entry.get_ref<const std::string&>().rfind(name + "=", 0) != 0)
      kept.push_back(entry);
  kept.push_back(name + "=" + value);
  process["env"] = std::move(kept);
}

}  // namespace

Result<std::string> exec_process(const std::string& spec, const ExecQuery& query, const std::string& id) try {
  auto made = make_exec_process(spec, query.command);
  if (!made) return made;
  auto process = json::parse(*made);
  set_variable(process, kExecVariable, id);
  if (!query.terminal) return process.dump();
  process["terminal"] = true;
  if (!query.term.empty()) set_variable(process, "TERM", query.term);
  if (query.window.columns > 0 && query.window.rows > 0)
    process["consoleSize"] = {{"height", query.window.rows}, {"width", query.window.columns}};
  return process.dump();
} catch (const json::exception& e) {
  return fail(Errc::data_loss, std::string("the process of the exec cannot be written: ") + e.what());
}

}  // namespace cloudless::runtime
