// node drain: starts it, and shows what is left and what holds it up until nothing is.
#include <ostream>
#include <thread>

#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/drawing.hpp"
#include "services/cloudlessctl/rollout_view.hpp"

namespace cloudless::cli {
namespace {

using DrainClock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLookEvery{200};
constexpr std::size_t kMostLinesDrawn = 12;

struct DrainOptions {
  std::string id;
  bool no_wait = false;
  double timeout_seconds = 600;
};

/// The server may be restarting: worth asking again.
bool server_may_return(const Failure& failure) {
  return failure.code == grpc::StatusCode::UNAVAILABLE || failure.code == grpc::StatusCode::DEADLINE_EXCEEDED;
}

void show_drain(Drawing& drawing, const api::Node& node) {
  if (drawing.draws()) return drawing.draw(drain_block(node, drawing.width(), kMostLinesDrawn));
  auto line = "node " + node.id() + ": " + drain_line(node);
  if (node.drain().left_size() > 0)
    line += "; " + node.drain().left(0).replica_id() + ": " + node.drain().left(0).waiting_for();
  drawing.say(line);
}

/// Absent while it is not over.
std::optional<ExitCode> look_at_drain(Context& context, Drawing& drawing, const DrainOptions& options) {
  api::GetNodeRequest request;
  request.set_node_id(options.id);
  const auto node = context.client.call(&Client::Service::Stub::GetNode, request);
  if (!node && !server_may_return(node.error())) return report(context, node.error());
  if (!node) {
    drawing.say("waiting for the server");
    return std::nullopt;
  }
  show_drain(drawing, *node);
  if (!node->draining()) {
    context.terminal.err << "error: node " << options.id
                         << " was uncordoned meanwhile, which ended the drain\n";
    return ExitCode::wait_failed;
  }
  if (node->drain().replicas_left() > 0) return std::nullopt;
  if (context.output == Output::table)
    context.terminal.out << "node " << options.id << " drained\n";
  else
    print_object(context, *node);
  return ExitCode::ok;
}

ExitCode drain(Context& context, const DrainOptions& options) {
  api::DrainNodeRequest request;
  request.set_node_id(options.id);
  const auto node = context.client.call(&Client::Service::Stub::DrainNode, request);
  if (!node) return report(context, node.error());
  if (options.no_wait) {
    if (context.output == Output::table)
      context.terminal.out << "node " << node->id() << " draining: " << drain_line(*node) << "\n";
    else
      print_object(context, *node);
    return ExitCode::ok;
  }
  const auto deadline = DrainClock::now() +
                        std::chrono::milliseconds(static_cast<std::int64_t>(options.timeout_seconds * 1000));
  Drawing drawing(context.terminal);
  do {
    if (const auto code = look_at_drain(context, drawing, options)) return *code;
    std::this_thread::sleep_for(kLookEvery);
  } while (DrainClock::now() < deadline);
  context.terminal.err << "error: node " << options.id << ": not drained within " << options.timeout_seconds
                       << " s; it goes on without this command, node uncordon ends it\n";
  return ExitCode::wait_failed;
}

}  // namespace

void add_drain_command(CLI::App& node, Action& action) {
  auto options = std::make_shared<DrainOptions>();
  auto* command = node.add_subcommand(
      "drain", "Move a node's replicas elsewhere, as fast as their availability allows; uncordon ends it");
  command->add_option("node", options->id, "The node's id")->required();
  command->add_flag("--no-wait", options->no_wait, "Do not wait until nothing is left");
  command->add_option("--timeout", options->timeout_seconds, "Seconds to wait")
      ->check(CLI::Range(0.0, 604800.0))
      ->capture_default_str();
  command->callback(
      [&action, options] { action = [options](Context& context) { return drain(context, *options); }; });
}

}  // namespace cloudless::cli
