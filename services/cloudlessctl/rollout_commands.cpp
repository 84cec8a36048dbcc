// rollout status, history, diff, undo, restart, pause, resume, promote and abort.
#include <algorithm>
#include <optional>
#include <ostream>
#include <set>
#include <thread>

#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/drawing.hpp"
#include "services/cloudlessctl/message_json.hpp"
#include "services/cloudlessctl/rollout_view.hpp"

namespace cloudless::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Stub = Client::Service::Stub;
constexpr std::chrono::milliseconds kBeforeAgain{500};

struct RolloutOptions {
  std::string name;
  bool watch = false;
  std::uint64_t number = 0;
  double timeout_seconds = 0;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

template <class Request>
Request named(const Context& context, const RolloutOptions& options) {
  Request request;
  request.set_namespace_(context.ns);
  request.set_name(options.name);
  return request;
}

/// How a watch ended for the one who waited.
ExitCode verdict_of(const api::Rollout& last, bool failed_before) {
  return last.phase() == api::Rollout::COMPLETED && !failed_before ? ExitCode::ok : ExitCode::wait_failed;
}

/// One WatchRollout, through servers that go and come again.
class StatusWatch {
 public:
  StatusWatch(Context& context, const RolloutOptions& options)
      : context_(context), options_(options), drawing_(context.terminal) {
    if (options.timeout_seconds > 0)
      deadline_ = SteadyClock::now() +
                  std::chrono::milliseconds(static_cast<std::int64_t>(options.timeout_seconds * 1000));
  }

  ExitCode run() {
    while (true) {
      const auto status = once();
      if (status.ok()) return verdict_of(last_, failed_);
      if (deadline_ && SteadyClock::now() >= *deadline_) return out_of_time();
      if (status.error_code() != grpc::StatusCode::UNAVAILABLE || last_.number() == 0)
        return report(context_, failure_of(status));
      context_.terminal.err << "waiting for the server\n" << std::flush;
      drawing_.keep();
      std::this_thread::sleep_for(kBeforeAgain);
    }
  }

 private:
  grpc::Status once() {
    grpc::ClientContext call;
    if (deadline_)
      call.set_deadline(
          std::chrono::system_clock::now() +
          std::chrono::duration_cast<std::chrono::system_clock::duration>(*deadline_ - SteadyClock::now()));
    auto request = named<api::WatchRolloutRequest>(context_, options_);
    request.set_number(options_.number);
    const auto reader = context_.client.stub().WatchRollout(&call, request);
    api::Rollout rollout;
    while (reader->Read(&rollout)) show(rollout);
    return reader->Finish();
  }

  void show(const api::Rollout& rollout) {
    if (last_.number() != 0 && last_.number() != rollout.number()) drawing_.keep();
    if (rollout.phase() == api::Rollout::FAILED) failed_ = true;
    if (context_.output != Output::table) {
      print_object(context_, rollout);
      context_.terminal.out << std::flush;
    } else if (drawing_.draws()) {
      drawing_.draw(rollout_block(rollout, drawing_.width()));
    } else if (auto line = rollout_line(rollout); key_of_line(line) != said_) {
      said_ = key_of_line(line);
      context_.terminal.out << line << "\n" << std::flush;
      for (const auto& note : rollout.notes())
        if (notes_.insert(key_of_line(note)).second)
          context_.terminal.out << "note: " << note << "\n" << std::flush;
    }
    last_ = rollout;
  }

  ExitCode out_of_time() {
    context_.terminal.err << "error: rollout of " << context_.ns << "/" << options_.name
                          << ": not over within " << options_.timeout_seconds
                          << " s; it goes on without this command\n";
    return ExitCode::wait_failed;
  }

  Context& context_;
  const RolloutOptions& options_;
  Drawing drawing_;
  std::optional<SteadyClock::time_point> deadline_;
  api::Rollout last_;
  std::string said_;
  std::set<std::string> notes_;
  bool failed_ = false;
};

ExitCode rollout_status(Context& context, const RolloutOptions& options) {
  if (options.watch) return StatusWatch(context, options).run();
  auto request = named<api::GetRolloutRequest>(context, options);
  request.set_number(options.number);
  const auto rollout = context.client.call(&Stub::GetRollout, request);
  if (!rollout) return report(context, rollout.error());
  if (context.output == Output::table)
    context.terminal.out << rollout_description(*rollout, context.now_ms);
  else
    print_object(context, *rollout);
  return ExitCode::ok;
}

void print_json(Context& context, const nlohmann::ordered_json& json) {
  if (context.output == Output::json)
    context.terminal.out << json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
                         << "\n";
  else
    context.terminal.out << to_yaml(json);
}

ExitCode rollout_history(Context& context, const RolloutOptions& options) {
  const auto rollouts =
      context.client.call(&Stub::ListRollouts, named<api::ListRolloutsRequest>(context, options));
  if (!rollouts) return report(context, rollouts.error());
  const auto versions =
      context.client.call(&Stub::ListVersions, named<api::ListVersionsRequest>(context, options));
  if (!versions) return report(context, versions.error());
  if (context.output != Output::table) {
    print_json(context,
               {{"rollouts", to_json(*rollouts)["rollouts"]}, {"versions", to_json(*versions)["versions"]}});
    return ExitCode::ok;
  }
  context.terminal.out << rollout_table({rollouts->rollouts().begin(), rollouts->rollouts().end()},
                                        context.now_ms)
                       << "\n"
                       << version_table({versions->versions().begin(), versions->versions().end()},
                                        context.now_ms);
  return ExitCode::ok;
}

const api::WorkloadVersion* find_version(const api::ListVersionsReply& versions, std::uint64_t number) {
  for (const auto& version : versions.versions())
    if (version.number() == number) return &version;
  return nullptr;
}

/// Without --to the current version, without --from the newest one before that.
void choose_versions(const api::ListVersionsReply& versions, std::uint64_t& from, std::uint64_t& to) {
  if (to == 0)
    for (const auto& version : versions.versions())
      if (version.current()) to = version.number();
  if (from != 0) return;
  for (const auto& version : versions.versions())
    if (version.number() < to) from = std::max(from, version.number());
}

ExitCode rollout_diff(Context& context, const RolloutOptions& options) {
  const auto versions =
      context.client.call(&Stub::ListVersions, named<api::ListVersionsRequest>(context, options));
  if (!versions) return report(context, versions.error());
  auto from = options.from;
  auto to = options.to;
  choose_versions(*versions, from, to);
  if (from == 0) {
    context.terminal.err << "error: there is no version before " << to << "; name one with --from\n";
    return ExitCode::not_found;
  }
  const auto* older = find_version(*versions, from);
  const auto* newer = find_version(*versions, to);
  if (older == nullptr || newer == nullptr) {
    context.terminal.err << "error: version " << (older == nullptr ? from : to)
                         << " is not kept; rollout history lists those that are\n";
    return ExitCode::not_found;
  }
  if (context.output != Output::table) {
    print_json(context, {{"from", to_json(*older)}, {"to", to_json(*newer)}});
    return ExitCode::ok;
  }
  const auto text = text_diff(to_yaml(to_json(older->spec())), to_yaml(to_json(newer->spec())));
  if (text.empty())
    context.terminal.err << "versions " << from << " and " << to << " have the same template\n";
  else
    context.terminal.out << "--- version " << from << "\n+++ version " << to << "\n" << text;
  return ExitCode::ok;
}

ExitCode say_rollout(Context& context, const Answer<api::Rollout>& rollout) {
  if (!rollout) return report(context, rollout.error());
  if (context.output == Output::table)
    context.terminal.out << rollout->namespace_() << "/" << rollout->name() << " " << rollout_line(*rollout)
                         << "\n";
  else
    print_object(context, *rollout);
  return ExitCode::ok;
}

template <class Request>
ExitCode control(Context& context, const RolloutOptions& options,
                 grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, api::Rollout*)) {
  auto request = named<Request>(context, options);
  if constexpr (requires { request.set_to_version(1); }) request.set_to_version(options.to);
  const auto rollout = context.client.call(method, request);
  const auto code = say_rollout(context, rollout);
  if (code != ExitCode::ok || !options.watch) return code;
  auto watched = options;
  watched.number = 0;
  return StatusWatch(context, watched).run();
}

using RolloutRun = std::function<ExitCode(Context&, const RolloutOptions&)>;

CLI::App* add_verb(CLI::App& rollout, Action& action, const char* name, const char* description,
                   std::shared_ptr<RolloutOptions> options, RolloutRun run) {
  auto* command = rollout.add_subcommand(name, description);
  command->add_option("name", options->name, "Name of the workload")->required();
  command->callback([&action, options, run = std::move(run)] {
    action = [options, run](Context& context) { return run(context, *options); };
  });
  return command;
}

void add_watch_options(CLI::App& command, RolloutOptions& options) {
  command.add_flag("-w,--watch,--wait", options.watch,
                   "Show progress until it is over; exit code 7 unless COMPLETED");
  command.add_option("--timeout", options.timeout_seconds, "Seconds to --watch; 0: as long as it takes")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
}

template <class Request>
CLI::App* add_control(CLI::App& rollout, Action& action, const char* name, const char* description,
                      std::shared_ptr<RolloutOptions> options,
                      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, api::Rollout*)) {
  return add_verb(
      rollout, action, name, description, options,
      [method](Context& context, const RolloutOptions& given) { return control(context, given, method); });
}

}  // namespace

void add_rollout_commands(CLI::App& rollout, Action& action) {
  const auto fresh = [] { return std::make_shared<RolloutOptions>(); };
  auto showing = fresh();
  auto* show = add_verb(rollout, action, "status", "Show how far a rollout is and what it waits for", showing,
                        rollout_status);
  show->add_option("--rollout", showing->number, "Which one; 0: the newest")->capture_default_str();
  add_watch_options(*show, *showing);
  add_verb(rollout, action, "history", "List rollouts and the versions that are kept, newest first", fresh(),
           rollout_history);
  auto comparing = fresh();
  auto* compare = add_verb(rollout, action, "diff", "Show how two versions of the template differ", comparing,
                           rollout_diff);
  compare->add_option("--from", comparing->from, "A version; the newest one before --to if not given");
  compare->add_option("--to", comparing->to, "A version; the current one if not given");

  auto undoing = fresh();
  auto* undo =
      add_control(rollout, action, "undo", "Go back to an earlier version", undoing, &Stub::UndoRollout);
  undo->add_option("--to-version", undoing->to,
                   "Which one; the last one before that was fully ready if not given");
  add_watch_options(*undo, *undoing);
  auto restarting = fresh();
  add_watch_options(*add_control(rollout, action, "restart", "New containers of the same template",
                                 restarting, &Stub::RestartRollout),
                    *restarting);
  add_control(rollout, action, "pause", "Let nothing more start or stop for the rollout", fresh(),
              &Stub::PauseRollout);
  add_control(rollout, action, "resume", "Let a paused rollout go on", fresh(), &Stub::ResumeRollout);
  auto promoting = fresh();
  add_watch_options(*add_control(rollout, action, "promote", "The canary is good: replace the others, too",
                                 promoting, &Stub::PromoteRollout),
                    *promoting);
  auto aborting = fresh();
  add_watch_options(*add_control(rollout, action, "abort",
                                 "Break the rollout off: back to the last version that was fully ready",
                                 aborting, &Stub::AbortRollout),
                    *aborting);
}

}  // namespace cloudless::cli
