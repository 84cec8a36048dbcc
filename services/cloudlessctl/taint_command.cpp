// node taint: what keeps replicas away from a node, or drives them from it.
#include <ostream>

#include "services/cloudlessctl/commands.hpp"

namespace cloudless::cli {
namespace {

struct TaintOptions {
  std::string id;
  std::vector<std::string> changes;
};

constexpr const char* kForm =
    "KEY[=VALUE]:NO_SCHEDULE|PREFER_NO_SCHEDULE|NO_EXECUTE sets a taint, KEY- takes it away";

/// False: it is of neither form.
bool add_change(const std::string& text, api::UpdateNodeRequest& request) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) {
    if (text.size() < 2 || text.back() != '-' || text.find('=') != std::string::npos) return false;
    request.add_remove_taints(text.substr(0, text.size() - 1));
    return true;
  }
  const auto equals = text.substr(0, colon).find('=');
  const auto key = text.substr(0, std::min(equals, colon));
  api::TaintEffect effect;
  if (key.empty() || !api::TaintEffect_Parse("TAINT_EFFECT_" + text.substr(colon + 1), &effect) ||
      effect == api::TAINT_EFFECT_UNSPECIFIED)
    return false;
  auto& taint = *request.add_set_taints();
  taint.set_key(key);
  if (equals != std::string::npos) taint.set_value(text.substr(equals + 1, colon - equals - 1));
  taint.set_effect(effect);
  return true;
}

ExitCode taint(Context& context, const TaintOptions& options) {
  api::UpdateNodeRequest request;
  request.set_node_id(options.id);
  for (const auto& change : options.changes) {
    if (add_change(change, request)) continue;
    context.terminal.err << "error: '" << change << "' is no change of a taint: " << kForm << "\n";
    return ExitCode::usage;
  }
  const auto node = context.client.call(&Client::Service::Stub::UpdateNode, request);
  if (!node) return report(context, node.error());
  if (context.output != Output::table) {
    print_object(context, *node);
    return ExitCode::ok;
  }
  context.terminal.out << "node " << node->id()
                       << (node->taints().empty() ? " has no taints" : " has taints");
  for (const auto& taint : node->taints())
    context.terminal.out << " " << taint.key() << (taint.value().empty() ? "" : "=") << taint.value() << ":"
                         << api::TaintEffect_Name(taint.effect()).substr(sizeof("TAINT_EFFECT_") - 1);
  context.terminal.out << "\n";
  return ExitCode::ok;
}

}  // namespace

void add_taint_command(CLI::App& node, Action& action) {
  auto options = std::make_shared<TaintOptions>();
  auto* command = node.add_subcommand(
      "taint",
      "Keep replicas that do not tolerate it away from a node; NO_EXECUTE moves those that are there");
  command->add_option("node", options->id, "The node's id")->required();
  command->add_option("change", options->changes, kForm)->required();
  command->callback(
      [&action, options] { action = [options](Context& context) { return taint(context, *options); }; });
}

}  // namespace cloudless::cli
