#include "services/cloudlessctl/wait.hpp"

#include <algorithm>
#include <ostream>
#include <thread>

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
    if (line == last_) return;
    last_ = line;
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

bool settled(const api::Workload& workload) {
  const auto& status = workload.status();
  if (status.phase() == api::WorkloadStatus::SUCCEEDED) return true;
  const auto live = std::count_if(status.replicas().begin(), status.replicas().end(),
                                  [](const auto& r) { return !ended(r); });
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
  {
    Progress progress(context.terminal, subject);
    while (Clock::now() < deadline) {
      const auto workload = read_by_uid(context, written.uid());
      if (workload && workload->revision() > written.revision()) {
        progress.say("changed by somebody else meanwhile");
        break;
      }
      if (workload && workload->revision() == written.revision()) {
        progress.say(progress_line(*workload));
        if (settled(*workload)) return ExitCode::ok;
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
