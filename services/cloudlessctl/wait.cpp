#include "services/cloudlessctl/wait.hpp"

#include <algorithm>
#include <optional>
#include <ostream>
#include <thread>
#include <utility>

#include "services/cloudlessctl/rollout_view.hpp"
#include "services/cloudlessctl/views.hpp"

namespace cloudless::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPause{100};

/// Says a line when it is another one than before; on a terminal over the line before.
class Progress {
 public:
  Progress(Terminal& terminal, std::string subject) : terminal_(terminal), subject_(std::move(subject)) {}
  ~Progress() {
    if (terminal_.err_is_terminal && !last_.empty()) terminal_.err << "\n" << std::flush;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void say(const std::string& line) {
    const auto key = terminal_.err_is_terminal ? line : key_of_line(line);
    if (key == last_) return;
    last_ = key;
    if (terminal_.err_is_terminal)
      terminal_.err << "\r\033[K" << subject_ << ": " << line << std::flush;
    else
      terminal_.err << subject_ << ": " << line << "\n" << std::flush;
  }

 private:
  Terminal& terminal_;
  std::string subject_;
  std::string last_;
};

bool ended(const api::Replica& replica) {
  return replica.state() >= api::Replica::SUCCEEDED;
}

/// After a BLUE_GREEN switch: ready, kept for a while, and out of use.
bool kept_back(const api::WorkloadStatus& status, const api::Replica& replica) {
  return replica.version() != status.version() && !replica.serving() && !replica.stop_requested();
}

bool settled(const api::Workload& workload) {
  const auto& status = workload.status();
  if (status.phase() == api::WorkloadStatus::SUCCEEDED) return true;
  const bool keeps = workload.spec().rollout().strategy() == api::RolloutPolicy::BLUE_GREEN;
  const auto live = std::count_if(status.replicas().begin(), status.replicas().end(), [&](const auto& r) {
    return !ended(r) && !(keeps && kept_back(status, r));
  });
  return status.phase() == api::WorkloadStatus::RUNNING &&
         status.updated_replicas() == status.replicas_wanted() &&
         live == static_cast<std::int64_t>(status.replicas_wanted());
}

/// The server may be restarting: worth asking again.
bool passing(const Failure& failure) {
  return failure.code == grpc::StatusCode::UNAVAILABLE || failure.code == grpc::StatusCode::DEADLINE_EXCEEDED;
}

Answer<api::Workload> read_by_uid(Context& context, const std::string& uid) {
  api::GetWorkloadRequest request;
  request.set_uid(uid);
  return context.client.call(&Client::Service::Stub::GetWorkload, request);
}

/// The rollout that the write made, or that goes on; 0: there is none.
std::uint64_t rollout_after(Context& context, const api::Workload& written) {
  api::GetRolloutRequest request;
  request.set_namespace_(written.namespace_());
  request.set_name(written.name());
  const auto rollout = context.client.call(&Client::Service::Stub::GetRollout, request);
  const bool of_this_write = rollout && rollout->workload_revision() == written.revision() &&
                             rollout->phase() != api::Rollout::FAILED;
  return of_this_write ? rollout->number() : 0;
}

std::optional<api::Rollout> read_rollout(Context& context, const api::Workload& written,
                                         std::uint64_t number) {
  if (number == 0) return std::nullopt;
  api::GetRolloutRequest request;
  request.set_namespace_(written.namespace_());
  request.set_name(written.name());
  request.set_number(number);
  auto rollout = context.client.call(&Client::Service::Stub::GetRollout, request);
  return rollout ? std::optional(std::move(*rollout)) : std::nullopt;
}

std::string line_of(const api::Workload& workload, const std::optional<api::Rollout>& rollout) {
  const bool tells = rollout && rollout->phase() != api::Rollout::COMPLETED;
  return tells ? rollout_line(*rollout) : progress_line(workload);
}

ExitCode out_of_time(Context& context, const std::string& subject, std::chrono::milliseconds limit) {
  context.terminal.err << "error: " << subject << ": not reached within "
                       << std::chrono::duration_cast<std::chrono::seconds>(limit).count()
                       << " s; it goes on without this command (see workload describe)\n";
  return ExitCode::wait_failed;
}

}  // namespace

ExitCode wait_until_settled(Context& context, const api::Workload& written, std::chrono::milliseconds limit) {
  const auto subject = "workload " + written.namespace_() + "/" + written.name();
  const auto deadline = Clock::now() + limit;
  const auto number = rollout_after(context, written);
  {
    Progress progress(context.terminal, subject);
    while (Clock::now() < deadline) {
      const auto workload = read_by_uid(context, written.uid());
      // After it: a workload that went back by itself has a rollout that says why.
      const auto rollout = read_rollout(context, written, number);
      if (rollout && rollout->phase() == api::Rollout::FAILED) {
        progress.say(rollout_line(*rollout));
        break;
      }
      if (workload && workload->revision() > written.revision()) {
        progress.say("changed by somebody else meanwhile");
        break;
      }
      if (workload && workload->revision() == written.revision()) {
        progress.say(line_of(*workload, rollout));
        const bool over = !rollout || rollout->phase() == api::Rollout::COMPLETED;
        if (over && settled(*workload)) return ExitCode::ok;
        if (workload->status().phase() == api::WorkloadStatus::FAILED) return ExitCode::wait_failed;
      } else if (!workload && passing(workload.error())) {
        progress.say("waiting for the server");
      } else if (!workload) {
        return report(context, workload.error());
      }
      std::this_thread::sleep_for(kPause);
    }
    if (Clock::now() < deadline) return ExitCode::wait_failed;
  }
  return out_of_time(context, subject, limit);
}

ExitCode wait_until_gone(Context& context, const std::string& ns, const std::string& name,
                         const std::string& uid, std::chrono::milliseconds limit) {
  const auto subject = "workload " + ns + "/" + name;
  const auto deadline = Clock::now() + limit;
  {
    Progress progress(context.terminal, subject);
    while (Clock::now() < deadline) {
      const auto workload = read_by_uid(context, uid);
      if (!workload && workload.error().code == grpc::StatusCode::NOT_FOUND) {
        progress.say("gone");
        return ExitCode::ok;
      }
      if (workload) {
        const auto& replicas = workload->status().replicas();
        const auto live =
            std::count_if(replicas.begin(), replicas.end(), [](const auto& r) { return !ended(r); });
        progress.say(std::to_string(live) + " replicas still stopping");
      } else if (passing(workload.error())) {
        progress.say("waiting for the server");
      } else {
        return report(context, workload.error());
      }
      std::this_thread::sleep_for(kPause);
    }
  }
  return out_of_time(context, subject, limit);
}

}  // namespace cloudless::cli
