#include "actors/runtime/containerd/exec.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <utility>
#include <vector>

#include "actors/runtime/containerd/exec_group.hpp"
#include "actors/runtime/containerd/exec_process.hpp"

namespace cloudless::runtime {
namespace {

using Steady = std::chrono::steady_clock;
using TasksStub = tasks_v1::Tasks::Stub;

constexpr char kProcessType[] = "types.containerd.io/opencontainers/runtime-spec/1/Process";
/// Output of somebody who outlives the command, and the shim's way to the end of its own.
constexpr auto kDrainShared = std::chrono::milliseconds(300);
constexpr auto kDrainAlone = std::chrono::milliseconds(1000);
constexpr auto kKillWait = std::chrono::seconds(5);
constexpr Millis kEndTimeout = 5000;
constexpr std::size_t kMostSignals = 16;
constexpr char kGroupFile[] = "/group";

/// Named pipes in a folder of their own. Our ends are opened first: a pipe without a reader would hang
/// containerd.
struct Pipes {
  std::string dir, in, out, err;
  Descriptor in_fd, out_fd, err_fd;

  Pipes(std::string folder, const ExecQuery& query) : dir(std::move(folder)) {
    std::error_code ignored;  // then the pipes cannot be made either
    std::filesystem::create_directories(dir, ignored);
    out_fd = make(out = dir + "/stdout", O_RDONLY);
    if (!query.terminal) err_fd = make(err = dir + "/stderr", O_RDONLY);
    // A terminal without an input would be at its end at once: its input just never says anything.
    if (query.has_input || query.terminal) in_fd = make(in = dir + "/stdin", O_RDWR);
  }
  ~Pipes() {
    std::error_code ignored;
    std::filesystem::remove_all(dir, ignored);
  }
  Pipes(const Pipes&) = delete;
  Pipes& operator=(const Pipes&) = delete;

  bool good() const {
    return out_fd.open() && (err.empty() || err_fd.open()) && (in.empty() || in_fd.open());
  }
  static Descriptor make(const std::string& path, int how) {
    if (mkfifo(path.c_str(), 0600) != 0) return Descriptor{};
    return Descriptor(open(path.c_str(), how | O_NONBLOCK | O_CLOEXEC));
  }
  /// Once the shim reads: with our own reading end closed it shows when nobody reads any more.
  void stop_reading_input() {
    if (!in_fd.open()) return;
    Descriptor writing(open(in.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (writing.open()) in_fd = std::move(writing);
  }
};

std::string new_exec_id() {
  static std::atomic<std::uint64_t> counter{0};
  return "exec-" + std::to_string(Steady::now().time_since_epoch().count()) + "-" + std::to_string(++counter);
}

/// One command from its opening to its end. Kept alive by whoever still has something to do with it: the
/// stream's near end, jobs, the relay's events, containerd's answer to Wait.
class Exec : public std::enable_shared_from_this<Exec> {
 public:
  Exec(const ExecParts& parts, ContainerId container, ExecQuery query, std::uint64_t credit,
       std::function<void(StreamNews)> tell)
      : parts_(parts),
        container_(std::move(container)),
        query_(std::move(query)),
        tell_(std::move(tell)),
        relay_({credit, query_.output_limit, std::chrono::milliseconds(query_.timeout)}, events()) {}

  void open() {
    // The loop shares the whole command, until it is over.
    parts_.loop.add(std::shared_ptr<Relay>(shared_from_this(), &relay_));
    parts_.jobs.submit([self = shared_from_this()] { self->begin(); });
  }

  Relay& relay() { return relay_; }

  void resize(WindowSize window) {
    if (!query_.terminal || window.columns == 0 || window.rows == 0) return;
    control([&] { window_ = window; });
  }
  void signal(int number) {
    control([&] {
      if (signals_.size() < kMostSignals) signals_.push_back(number);
    });
  }

 private:
  Relay::Events events() {
    Relay::Events out;
    out.output = [this](std::string output, bool is_stderr) {
      tell_(StreamNews{std::move(output), is_stderr, false, 0, std::nullopt});
    };
    out.taken = [this](std::uint64_t bytes) { tell_(StreamNews{{}, false, false, bytes, std::nullopt}); };
    out.input_closed = [this] { parts_.jobs.submit([self = shared_from_this()] { self->close_input(); }); };
    out.over = [this](Relay::Over how) {
      parts_.jobs.submit([self = shared_from_this(), how] { self->finish(how); });
    };
    return out;
  }

  template <class Request, class Response>
  Result<Response> ask(grpc::Status (TasksStub::*method)(grpc::ClientContext*, const Request&, Response*),
                       const Request& request, const char* what, Millis timeout = 60000) {
    return parts_.client.call(parts_.client.tasks(), method, request, parts_.client.scope(what, timeout));
  }
  template <class Request>
  Request about_it() const {
    Request request;
    request.set_container_id(container_.value);
    request.set_exec_id(id_);
    return request;
  }

  void begin() {
    auto begun = relay_.abandoned() ? Result<void>(fail(Errc::aborted, "exec: nobody waits for it any more"))
                                    : start();
    const std::unique_lock lock(mutex_);
    begun_ = std::move(begun);
    changed_.notify_all();
    if (!*begun_) relay_.abandon();
  }

  Result<void> start() {
    if (query_.command.empty()) return fail(Errc::invalid_argument, "exec: the command is empty");
    const auto moves = parts_.moves.keep();
    containers_v1::GetContainerRequest get;
    get.set_id(container_.value);
    auto record = parts_.client.call(parts_.client.containers(), &containers_v1::Containers::Stub::Get, get,
                                     parts_.client.scope("look up container"));
    if (!record) return fail(record.error());
    auto process = exec_process(record->container().spec().value(), query_, id_);
    if (!process) return fail(process.error());
    pipes_ = std::make_unique<Pipes>(parts_.state_dir + "/exec/" + container_.value + "@" + id_, query_);
    if (!pipes_->good())
      return fail(Errc::internal, "exec: pipes in " + pipes_->dir + ": " + std::strerror(errno));
    auto request = about_it<tasks_v1::ExecProcessRequest>();
    request.set_stdin(pipes_->in);
    request.set_stdout(pipes_->out);
    request.set_stderr(pipes_->err);
    request.set_terminal(query_.terminal);
    request.mutable_spec()->set_type_url(kProcessType);
    request.mutable_spec()->set_value(*process);
    if (auto added = ask(&TasksStub::Exec, request, "exec"); !added) return fail(added.error());
    added_ = true;
    const auto started = ask(&TasksStub::Start, about_it<tasks_v1::StartRequest>(), "exec");
    if (!started) return fail(started.error());
    running_ = true;
    await_exit();
    pipes_->stop_reading_input();
    relay_.attach_pipes(std::move(pipes_->in_fd), std::move(pipes_->out_fd), std::move(pipes_->err_fd));
    contain(static_cast<pid_t>(started->pid()));
    control([] {});  // what was asked for meanwhile
    return {};
  }

  /// For its end, should it come before the command's own.
  void contain(pid_t pid) {
    {
      const std::lock_guard lock(mutex_);
      if (exited_) return;
    }
    ExecGroup group(pid, id_, std::string(kExecVariable) + "=" + id_);
    std::ofstream(pipes_->dir + kGroupFile) << group.directory() << "\n";
    const std::lock_guard lock(mutex_);
    group_ = std::move(group);
  }

  void await_exit() {
    parts_.client.enlist(wait_context_, parts_.client.scope("wait for exec", 0));
    wait_request_ = about_it<tasks_v1::WaitRequest>();
    parts_.client.tasks().async()->Wait(
        &wait_context_, &wait_request_, &wait_response_,
        [self = shared_from_this()](grpc::Status status) { self->exited(std::move(status)); });
  }

  void exited(grpc::Status status) {
    bool alone = true;
    {
      const std::lock_guard lock(mutex_);
      exited_ = std::move(status);
      alone = group_.empty();
      changed_.notify_all();
    }
    relay_.ended(alone ? kDrainAlone : kDrainShared);
    parts_.client.discharge(wait_context_);
  }

  void close_input() {
    auto request = about_it<tasks_v1::CloseIORequest>();
    request.set_stdin(true);
    ask(&TasksStub::CloseIO, request, "close exec's input", kEndTimeout);
  }

  /// Notes what is to be done to the running command, and does it, in order, in one job at a time.
  template <class Note>
  void control(Note note) {
    const std::lock_guard lock(mutex_);
    note();
    if (!running_ || controlling_ || (!window_ && signals_.empty())) return;
    controlling_ = true;
    parts_.jobs.submit([self = shared_from_this()] { self->carry_out(); });
  }

  void carry_out() {
    std::unique_lock lock(mutex_);
    while (window_ || !signals_.empty()) {
      const auto window = std::exchange(window_, std::nullopt);
      const auto signals = std::exchange(signals_, {});
      lock.unlock();
      if (window) {
        auto request = about_it<tasks_v1::ResizePtyRequest>();
        request.set_width(window->columns);
        request.set_height(window->rows);
        ask(&TasksStub::ResizePty, request, "resize exec's terminal", kEndTimeout);
      }
      for (const int number : signals) send_signal(number);
      lock.lock();
    }
    controlling_ = false;
  }

  void send_signal(int number) {
    auto request = about_it<tasks_v1::KillRequest>();
    request.set_signal(static_cast<std::uint32_t>(number));
    ask(&TasksStub::Kill, request, "signal exec", kEndTimeout);
  }

  /// Kills what was told to be over before its end.
  void end_it() {
    group_.kill();
    {
      const std::lock_guard lock(mutex_);
      if (exited_) return;
    }
    send_signal(SIGKILL);
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, kKillWait, [&] { return exited_.has_value(); })) return;
    wait_context_.TryCancel();
    changed_.wait(lock, [&] { return exited_.has_value(); });
  }

  void finish(Relay::Over how) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return begun_.has_value(); });
    }
    if (running_ && how != Relay::Over::ended) end_it();
    if (added_)
      ask(&TasksStub::DeleteProcess, about_it<tasks_v1::DeleteProcessRequest>(), "end exec", kEndTimeout);
    pipes_.reset();
    tell_(StreamNews{{}, false, false, 0, outcome(how)});
    group_.remove();
  }

  Result<StreamEnd> outcome(Relay::Over how) const {
    if (!*begun_) return fail(begun_->error());
    StreamEnd end{0, how == Relay::Over::timed_out, relay_.truncated()};
    if (how == Relay::Over::abandoned) return fail(Errc::cancelled, "exec: nobody waits for it any more");
    if (end.timed_out) {
      end.exit_code = 128 + SIGKILL;
      return end;
    }
    if (!exited_->ok()) return fail(Client::error_of(*exited_, "wait for exec"));
    end.exit_code = static_cast<std::int32_t>(wait_response_.exit_status());
    return end;
  }

  const ExecParts parts_;
  const ContainerId container_;
  const ExecQuery query_;
  const std::function<void(StreamNews)> tell_;
  const std::string id_ = new_exec_id();
  Relay relay_;

  // Of begin, then of finish.
  std::unique_ptr<Pipes> pipes_;
  bool added_ = false;

  grpc::ClientContext wait_context_;
  tasks_v1::WaitRequest wait_request_;
  tasks_v1::WaitResponse wait_response_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Result<void>> begun_;
  std::optional<grpc::Status> exited_;
  std::atomic<bool> running_ = false;
  ExecGroup group_;
  std::optional<WindowSize> window_;
  std::vector<int> signals_;
  bool controlling_ = false;
};

class ExecStream final : public RuntimeStream {
 public:
  explicit ExecStream(std::shared_ptr<Exec> exec) : exec_(std::move(exec)) {}
  ~ExecStream() override { exec_->relay().abandon(); }
  void push(std::string bytes) override { exec_->relay().push(std::move(bytes)); }
  void end_input() override { exec_->relay().end_input(); }
  void grant(std::uint64_t bytes) override { exec_->relay().grant(bytes); }
  void resize(WindowSize window) override { exec_->resize(window); }
  void signal(int number) override { exec_->signal(number); }

 private:
  std::shared_ptr<Exec> exec_;
};

}  // namespace

std::unique_ptr<RuntimeStream> open_exec(const ExecParts& parts, const ContainerId& container,
                                         ExecQuery query, std::uint64_t credit,
                                         std::function<void(StreamNews)> tell) {
  auto exec = std::make_shared<Exec>(parts, container, std::move(query), credit, std::move(tell));
  exec->open();
  return std::make_unique<ExecStream>(std::move(exec));
}

GiveUp run_exec(const ExecParts& parts, const ContainerId& container, ExecQuery query,
                Done<ExecResult> done) {
  auto collect = [result = std::make_shared<ExecResult>(), done = std::move(done)](StreamNews news) {
    (news.is_stderr ? result->stderr_data : result->stdout_data) += news.output;
    if (!news.end) return;
    if (!*news.end) return done(fail(news.end->error()));
    result->exit_code = (*news.end)->exit_code;
    result->timed_out = (*news.end)->timed_out;
    result->truncated = (*news.end)->truncated;
    done(std::move(*result));
  };
  auto exec = std::make_shared<Exec>(parts, container, std::move(query), UINT64_MAX, std::move(collect));
  exec->open();
  return [weak = std::weak_ptr<Exec>(exec)] {
    if (const auto alive = weak.lock()) alive->relay().abandon();
  };
}

void forget_execs(const ExecParts& parts) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  std::vector<std::pair<std::string, std::string>> left;
  for (const auto& entry : fs::directory_iterator(parts.state_dir + "/exec", ignored)) {
    std::string directory;
    std::getline(std::ifstream(entry.path().string() + kGroupFile) >> std::ws, directory);
    const ExecGroup group(directory);
    group.kill();
    group.remove();
    const auto name = entry.path().filename().string();
    const auto at = name.rfind('@');
    if (at == std::string::npos) continue;
    left.emplace_back(name.substr(0, at), name.substr(at + 1));
    ExecGroup::kill_marked(std::string(kExecVariable) + "=" + name.substr(at + 1));
  }
  fs::remove_all(parts.state_dir + "/exec", ignored);
  // containerd may be away; the processes are what matters.
  parts.jobs.submit([&client = parts.client, left] {
    for (const auto& [container, id] : left) {
      tasks_v1::KillRequest kill;
      kill.set_container_id(container);
      kill.set_exec_id(id);
      kill.set_signal(SIGKILL);
      client.call(client.tasks(), &TasksStub::Kill, kill, client.scope("end exec", kEndTimeout));
      tasks_v1::DeleteProcessRequest done;
      done.set_container_id(container);
      done.set_exec_id(id);
      client.call(client.tasks(), &TasksStub::DeleteProcess, done, client.scope("end exec", kEndTimeout));
    }
  });
}

}  // namespace cloudless::runtime
