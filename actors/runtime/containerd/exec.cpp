#include "actors/runtime/containerd/exec.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "actors/runtime/containerd/oci_spec.hpp"

namespace cloudless::runtime {
namespace {

using Steady = std::chrono::steady_clock;

constexpr char kProcessType[] = "types.containerd.io/opencontainers/runtime-spec/1/Process";
constexpr std::size_t kOutputLimit = 1 << 20;
constexpr auto kDrain = std::chrono::milliseconds(300);  // output of a child that outlives the command
constexpr auto kKillWait = std::chrono::seconds(5);

/// Named pipes in a folder of their own. Our ends are opened first: a pipe without a reader would hang
/// containerd.
struct Pipes {
  std::string dir, in, out, err;
  int in_fd = -1, out_fd = -1, err_fd = -1;

  explicit Pipes(std::string folder, bool wants_in) : dir(std::move(folder)) {
    std::error_code ignored;  // then the pipes cannot be made either
    std::filesystem::create_directories(dir, ignored);
    out_fd = make(out = dir + "/stdout", O_RDONLY);
    err_fd = make(err = dir + "/stderr", O_RDONLY);
    if (wants_in) in_fd = make(in = dir + "/stdin", O_RDWR);
  }
  ~Pipes() {
    for (const int fd : {in_fd, out_fd, err_fd})
      if (fd >= 0) close(fd);
    std::error_code ignored;
    std::filesystem::remove_all(dir, ignored);
  }
  Pipes(const Pipes&) = delete;
  Pipes& operator=(const Pipes&) = delete;

  bool good(bool wants_in) const { return out_fd >= 0 && err_fd >= 0 && (!wants_in || in_fd >= 0); }
  static int make(const std::string& path, int how) {
    return mkfifo(path.c_str(), 0600) == 0 ? open(path.c_str(), how | O_NONBLOCK | O_CLOEXEC) : -1;
  }
};

/// The process's end, awaited beside its output.
class Exit {
 public:
  Exit(Client& client, const std::string& container, const std::string& exec)
      : client_(client), event_(eventfd(0, EFD_CLOEXEC)) {
    client_.enlist(context_, client_.scope("wait for exec", 0));
    request_.set_container_id(container);
    request_.set_exec_id(exec);
    client_.tasks().async()->Wait(&context_, &request_, &response_, [this](grpc::Status status) {
      // Under the lock to the end: the other side frees this object as soon as it can take it.
      const std::lock_guard lock(mutex_);
      status_ = std::move(status);
      eventfd_write(event_, 1);
      over_ = true;
      changed_.notify_all();
    });
  }
  ~Exit() {
    context_.TryCancel();
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return over_; });
    }
    client_.discharge(context_);
    close(event_);
  }
  Exit(const Exit&) = delete;
  Exit& operator=(const Exit&) = delete;

  int event() const { return event_; }
  bool over_within(Steady::duration time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [&] { return over_; });
  }
  Result<std::int32_t> code() {
    const std::lock_guard lock(mutex_);
    if (!status_.ok()) return fail(Client::error_of(status_, "wait for exec"));
    return static_cast<std::int32_t>(response_.exit_status());
  }

 private:
  Client& client_;
  int event_;
  grpc::ClientContext context_;
  tasks_v1::WaitRequest request_;
  tasks_v1::WaitResponse response_;
  std::mutex mutex_;
  std::condition_variable changed_;
  grpc::Status status_;
  bool over_ = false;
};

/// Reads what is there. False when the other side is closed.
bool read_some(int fd, short events, std::string& into, bool& truncated) {
  if ((events & POLLIN) != 0) {
    std::array<char, 65536> piece;
    const ssize_t n = read(fd, piece.data(), piece.size());
    if (n > 0) {
      const auto room = std::min(kOutputLimit - into.size(), static_cast<std::size_t>(n));
      into.append(piece.data(), room);
      truncated = truncated || room < static_cast<std::size_t>(n);
      return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  }
  return (events & (POLLHUP | POLLERR)) == 0;
}

/// Moves bytes until the process ended and its output is read, or the deadline, or nobody waits. True when it
/// ended.
bool pump(Pipes& pipes, Exit& exit, const std::string& input, const std::function<void()>& input_done,
          Steady::time_point deadline, const Abandonment& abandoned, ExecResult& result) {
  std::size_t written = 0;
  bool out_open = true, err_open = true, over = false;
  while (!over || out_open || err_open) {
    const auto now = Steady::now();
    if (now >= deadline || abandoned.declared()) return over;
    std::array<pollfd, 5> p = {{{out_open ? pipes.out_fd : -1, POLLIN, 0},
                                {err_open ? pipes.err_fd : -1, POLLIN, 0},
                                {over ? -1 : exit.event(), POLLIN, 0},
                                {pipes.in_fd, POLLOUT, 0},
                                {abandoned.event(), POLLIN, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        over ? std::min<Steady::duration>(kDrain, deadline - now) : deadline - now);
    const int ready = poll(p.data(), p.size(), static_cast<int>(left.count()));
    if (ready == 0 && over) return true;
    if ((p[0].revents) != 0)
      out_open = read_some(pipes.out_fd, p[0].revents, result.stdout_data, result.truncated);
    if ((p[1].revents) != 0)
      err_open = read_some(pipes.err_fd, p[1].revents, result.stderr_data, result.truncated);
    if (p[2].revents != 0) over = true;
    if (p[3].revents != 0) {
      const ssize_t n = write(pipes.in_fd, input.data() + written, input.size() - written);
      if (n > 0) written += static_cast<std::size_t>(n);
      if (written == input.size() || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        close(pipes.in_fd);
        pipes.in_fd = -1;
        input_done();
      }
    }
  }
  return true;
}

std::string new_exec_id() {
  static std::atomic<std::uint64_t> counter{0};
  return "exec-" + std::to_string(Steady::now().time_since_epoch().count()) + "-" + std::to_string(++counter);
}

}  // namespace

void forget_execs(const std::string& state_dir) {
  std::error_code ignored;
  std::filesystem::remove_all(state_dir + "/exec", ignored);
}

Abandonment::Abandonment() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Abandonment::~Abandonment() {
  if (event_ >= 0) close(event_);
}

void Abandonment::declare() {
  if (!declared_.exchange(true) && event_ >= 0) eventfd_write(event_, 1);
}

Result<ExecResult> run_exec(Client& client, const std::string& state_dir, const ExecQuery& query,
                            const Abandonment& abandoned) {
  using Tasks = tasks_v1::Tasks::Stub;
  const auto deadline = Steady::now() + std::chrono::milliseconds(query.timeout);
  const auto& container = query.container.value;
  if (abandoned.declared()) return fail(Errc::aborted, "exec: nobody waits for it any more");
  if (query.command.empty()) return fail(Errc::invalid_argument, "exec: the command is empty");

  containers_v1::GetContainerRequest get;
  get.set_id(container);
  auto record = client.call(client.containers(), &containers_v1::Containers::Stub::Get, get,
                            client.scope("look up container"));
  if (!record) return fail(record.error());
  auto process = make_exec_process(record->container().spec().value(), query.command);
  if (!process) return fail(process.error());

  const auto id = new_exec_id();
  const bool wants_in = !query.stdin_data.empty();
  Pipes pipes(state_dir + "/exec/" + container + "-" + id, wants_in);
  if (!pipes.good(wants_in))
    return fail(Errc::internal, "exec: pipes in " + pipes.dir + ": " + std::strerror(errno));

  tasks_v1::ExecProcessRequest request;
  request.set_container_id(container);
  request.set_exec_id(id);
  request.set_stdin(pipes.in);
  request.set_stdout(pipes.out);
  request.set_stderr(pipes.err);
  request.mutable_spec()->set_type_url(kProcessType);
  request.mutable_spec()->set_value(*process);
  if (auto added = client.call(client.tasks(), &Tasks::Exec, request, client.scope("exec")); !added)
    return fail(added.error());

  const auto forget = [&] {
    tasks_v1::DeleteProcessRequest done;
    done.set_container_id(container);
    done.set_exec_id(id);
    client.call(client.tasks(), &Tasks::DeleteProcess, done, client.scope("end exec"));
  };
  tasks_v1::StartRequest start;
  start.set_container_id(container);
  start.set_exec_id(id);
  if (auto started = client.call(client.tasks(), &Tasks::Start, start, client.scope("exec")); !started) {
    forget();
    return fail(started.error());
  }
  ExecResult result;
  Result<std::int32_t> code = 0;
  {
    Exit exit(client, container, id);
    const auto input_done = [&] {
      tasks_v1::CloseIORequest done;
      done.set_container_id(container);
      done.set_exec_id(id);
      done.set_stdin(true);
      client.call(client.tasks(), &Tasks::CloseIO, done, client.scope("close exec's input"));
    };
    if (!pump(pipes, exit, query.stdin_data, input_done, deadline, abandoned, result)) {
      result.timed_out = true;
      tasks_v1::KillRequest kill;
      kill.set_container_id(container);
      kill.set_exec_id(id);
      kill.set_signal(SIGKILL);
      client.call(client.tasks(), &Tasks::Kill, kill, client.scope("end exec"));
      exit.over_within(kKillWait);
    }
    code = result.timed_out ? Result<std::int32_t>(128 + SIGKILL) : exit.code();
  }
  forget();
  if (!code) return fail(code.error());
  result.exit_code = *code;
  return result;
}

}  // namespace cloudless::runtime
