// workload explain and node fragments: why replicas are where they are, and what a node's room is reserved
// for.
#include <memory>
#include <ostream>

#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/quantity.hpp"
#include "services/cloudlessctl/table.hpp"
#include "services/cloudlessctl/target.hpp"
#include "services/cloudlessctl/views.hpp"

namespace cloudless::cli {
namespace {

using PlacementStub = Client::Service::Stub;

/// The terms of one or two places side by side.
std::string score_table(const api::PlaceScore& place, const api::PlaceScore* other) {
  std::vector<Column> columns{{"TERM"}, {"WEIGHT", true}, {place.node_id(), true}};
  if (other != nullptr) columns.push_back({other->node_id(), true});
  const auto points = [](const api::ScoreTerm& term) {
    return term.weight_milli() == 0 ? std::to_string(term.points())
                                    : std::to_string(term.value()) + " = " + std::to_string(term.points());
  };
  std::vector<std::vector<std::string>> rows;
  for (int i = 0; i < place.terms_size(); ++i) {
    const auto& term = place.terms(i);
    rows.push_back(
        {term.name(), term.weight_milli() == 0 ? "" : std::to_string(term.weight_milli()), points(term)});
    if (other != nullptr) rows.back().push_back(i < other->terms_size() ? points(other->terms(i)) : "");
  }
  rows.push_back({"score", "", std::to_string(place.score())});
  if (other != nullptr) rows.back().push_back(std::to_string(other->score()));
  return table_text(columns, rows);
}

void print_explanation(Context& context, const api::PlacementExplanation& explanation) {
  auto& out = context.terminal.out;
  out << explanation.replica_id() << " " << explanation.text() << "\n";
  if (explanation.has_place()) {
    out << "\n"
        << score_table(explanation.place(), explanation.has_runner_up() ? &explanation.runner_up() : nullptr);
    return;
  }
  if (explanation.rejections_size() > 0) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& rejection : explanation.rejections())
      rows.push_back({rejection.filter(), std::to_string(rejection.nodes())});
    out << "\n" << table_text({{"FILTER"}, {"NODES REJECTED", true}}, rows);
  }
  if (explanation.nearest_size() > 0) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& miss : explanation.nearest()) {
      std::string lacks;
      for (const auto& lack : miss.lacks()) lacks += (lacks.empty() ? "" : ", ") + lack;
      rows.push_back({miss.node_id(), lacks});
    }
    out << "\n" << table_text({{"NEAREST"}, {"WHAT IS MISSING"}}, rows);
  }
  if (!explanation.remedy().empty()) out << "\nit would fit with " << explanation.remedy() << "\n";
}

ExitCode explain_target(Context& context, const std::string& word) {
  const auto target = find_target(context, word);
  if (!target) return report(context, target.error());
  if (!target->container.empty()) {
    context.terminal.err << "error: " << word << " is a container; name its replica or workload\n";
    return ExitCode::usage;
  }
  api::ExplainPlacementRequest request;
  request.set_namespace_(target->ns);
  request.set_name(target->workload);
  request.set_replica_id(target->replica);
  const auto explanation = context.client.call(&PlacementStub::ExplainPlacement, request);
  if (!explanation) return report(context, explanation.error());
  if (context.output == Output::table)
    print_explanation(context, *explanation);
  else
    print_object(context, *explanation);
  return ExitCode::ok;
}

std::string amount_cell(std::uint64_t amount, std::string text) {
  return amount == 0 ? "-" : std::move(text);
}

std::vector<std::string> resource_cells(const api::ResourceList& list) {
  return {amount_cell(list.cpu_millicores(), cores_text(list.cpu_millicores())),
          amount_cell(list.memory_bytes(), bytes_text(list.memory_bytes())),
          amount_cell(list.storage_bytes(), bytes_text(list.storage_bytes()))};
}

ExitCode show_fragments(Context& context, const std::string& node) {
  api::GetFragmentsRequest request;
  request.set_node_id(node);
  const auto reply = context.client.call(&PlacementStub::GetFragments, request);
  if (!reply) return report(context, reply.error());
  if (context.output != Output::table) {
    print_object(context, *reply);
    return ExitCode::ok;
  }
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](std::string id, std::string workload, const api::ResourceList& list) {
    rows.push_back({std::move(id), std::move(workload)});
    for (auto& cell : resource_cells(list)) rows.back().push_back(std::move(cell));
  };
  for (const auto& fragment : reply->fragments())
    add(fragment.id() + (fragment.leaving() ? " (leaving)" : ""),
        fragment.workload().empty() ? "" : fragment.namespace_() + "/" + fragment.workload(),
        fragment.resources());
  add("free", "", reply->free());
  context.terminal.out << table_text(
      {{"RESERVED FOR"}, {"WORKLOAD"}, {"CPU", true}, {"MEMORY", true}, {"STORAGE", true}}, rows);
  return ExitCode::ok;
}

}  // namespace

void add_explain_command(CLI::App& workload, Action& action) {
  auto word = std::make_shared<std::string>();
  auto* command = workload.add_subcommand(
      "explain", "Say why a replica is where it is, or why no node takes it and what would help");
  command->add_option("target", *word, "Name of a workload (its first waiting replica), or id of a replica")
      ->required();
  command->callback(
      [&action, word] { action = [word](Context& context) { return explain_target(context, *word); }; });
}

void add_fragments_command(CLI::App& node, Action& action) {
  auto id = std::make_shared<std::string>();
  auto* command = node.add_subcommand("fragments", "Show what a node's room is reserved for");
  command->add_option("node", *id, "The node's id")->required();
  command->callback(
      [&action, id] { action = [id](Context& context) { return show_fragments(context, *id); }; });
}

}  // namespace cloudless::cli
