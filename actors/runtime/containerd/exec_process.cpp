#include "actors/runtime/containerd/exec_process.hpp"

#include <nlohmann/json.hpp>

#include "actors/runtime/containerd/oci_spec.hpp"

namespace cloudless::runtime {
namespace {

using nlohmann::json;

void set_term(json& process, const std::string& term) {
  auto env = process.value("env", json::array());
  json kept = json::array();
  for (const auto& entry : env)
    if (!entry.is_string() || entry.get_ref<const std::string&>().rfind("TERM=", 0) != 0) kept.push_back(entry);
  kept.push_back("TERM=" + term);
  process["env"] = std::move(kept);
}

}  // namespace

Result<std::string> exec_process(const std::string& spec, const ExecQuery& query) try {
  auto made = make_exec_process(spec, query.command);
  if (!made || !query.terminal) return made;
  auto process = json::parse(*made);
  process["terminal"] = true;
  if (!query.term.empty()) set_term(process, query.term);
  if (query.window.columns > 0 && query.window.rows > 0)
    process["consoleSize"] = {{"height", query.window.rows}, {"width", query.window.columns}};
  return process.dump();
} catch (const json::exception& e) {
  return fail(Errc::data_loss, std::string("the process of the exec cannot be written: ") + e.what());
}

}  // namespace cloudless::runtime
