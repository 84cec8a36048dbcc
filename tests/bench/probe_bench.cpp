// What probes cost an agent: a supervisor with its runners and the real prober, simulated containers whose
// addresses are those of loopback, and a server in a process of its own. Prints JSON: probes a second and the
// share of one core that this process used; before and after it, what a bare loop of connect, send, recv and
// close costs at the same rate, so that a busy machine shows. As root it runs in a network of its own, where
// this machine's packet rules do not count.
//   probe_bench http|tcp|none REPLICAS PERIOD_MS SECONDS
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "actors/runtime/prober/prober.hpp"
#include "actors/runtime/runtime_supervisor_actor.hpp"
#include "actors/runtime/simulated/simulated_runtime.hpp"
#include "messages/caf_error.hpp"
#include "telemetry/system_clock.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "probe_bench: %s\n", why.c_str());
  std::exit(1);
}

/// Answers every request with 200 and closes. One thread, epoll.
[[noreturn]] void serve(int listener) {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
  const int epoll = epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    epoll_event ready[64];
    const int count = epoll_wait(epoll, ready, 64, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[i].data.fd;
      if (fd == listener) {
        const int connection = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (connection < 0) continue;
        event.data.fd = connection;
        epoll_ctl(epoll, EPOLL_CTL_ADD, connection, &event);
        continue;
      }
      char bytes[4096];
      if (recv(fd, bytes, sizeof bytes, 0) > 0) (void)send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
      close(fd);
    }
  }
}

struct ServerProcess {
  std::uint16_t port = 0;
  pid_t pid = -1;

  ServerProcess() {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;  // every address of loopback
    socklen_t size = sizeof address;
    if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 1024) != 0)
      give_up("no port to serve at");
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      serve(listener);
    }
    close(listener);
  }
  ~ServerProcess() {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
};

class NoDisk final : public AgentDisk {
 public:
  void load(Done<std::string> done) override { done(fail(Errc::not_found, "none")); }
  void save(std::string, Done<Nothing> done) override { done(Nothing{}); }
};

class NoLogStore final : public LogStore {
 public:
  std::unique_ptr<LogReading> open(LogRequest, std::function<void(LogBatch)>) override { return nullptr; }
};

/// Counts what passes through.
class Counting final : public ProbePort {
 public:
  explicit Counting(ProbePort& inner) : inner_(inner) {}
  GiveUp ask(ProbeQuestion question, std::function<void(ProbeAnswer)> done) override {
    return inner_.ask(std::move(question), [this, done = std::move(done)](ProbeAnswer answer) {
      ++(answer.outcome == ProbeOutcome::passed ? passed : failed);
      done(std::move(answer));
    });
  }
  std::atomic<std::uint64_t> passed{0}, failed{0};

 private:
  ProbePort& inner_;
};

double cpu_seconds(int whose = RUSAGE_SELF) {
  rusage usage{};
  getrusage(whose, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// False: this user may not.
bool enter_own_network() {
  if (unshare(CLONE_NEWNET) != 0) return false;
  const int any = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP;
  if (ioctl(any, SIOCSIFFLAGS, &loopback) != 0) give_up("the loopback of a new network does not come up");
  close(any);
  return true;
}

/// Percent of a core that asking costs by itself, one question at a time, by blocking calls.
double bare_percent(const std::string& kind, int replicas, Millis period, std::uint16_t port,
                    double seconds) {
  const std::string request =
      "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nConnection: close\r\n\r\n";
  const auto pause = std::chrono::microseconds(1000 * period / replicas);
  const auto begun = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds(RUSAGE_THREAD);
  const auto count = static_cast<std::uint32_t>(seconds * 1000 * replicas / static_cast<double>(period));
  for (std::uint32_t n = 0; n < count; ++n) {
    std::this_thread::sleep_until(begun + n * pause);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + n % static_cast<std::uint32_t>(replicas));
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) give_up("the server does not answer");
    char bytes[4096];
    if (kind == "http" &&
        (send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0 || recv(fd, bytes, sizeof bytes, 0) <= 0))
      give_up("the server does not answer");
    close(fd);
  }
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return 100 * (cpu_seconds(RUSAGE_THREAD) - cpu) / took;
}

AssignmentSet assignments(const std::string& kind, int replicas, Millis period, std::uint16_t port) {
  AssignmentSet set{"bench", NodeId{"node-1"}, 1, true, 0, {}, {}};
  for (int n = 0; n < replicas; ++n) {
    auto& each = set.assignments.emplace_back();
    each.replica = ReplicaId{"web-00000000ab-" + std::to_string(n)};
    each.workload = WorkloadUid{"00000000ab"};
    each.ns = "default";
    each.workload_name = "web";
    each.version = 1;
    each.pod.image = "bench";
    Probe probe;
    probe.period = period;
    probe.timeout = 5000;
    probe.check = HttpCheck{false, port, "/health", {}};
    if (kind == "tcp") probe.check = TcpCheck{port};
    if (kind != "none") each.pod.readiness = probe;
  }
  return set;
}

struct AgentConfig : caf::actor_system_config {
  AgentConfig() {
    register_messages(*this);
    set("scheduler.max-threads", std::size_t{2});
    set("scheduler.policy", caf::atom("sharing"));
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) give_up("usage: probe_bench http|tcp|none REPLICAS PERIOD_MS SECONDS");
  const std::string kind = argv[1];
  const int replicas = std::atoi(argv[2]);
  const Millis period = std::atoll(argv[3]);
  const double seconds = std::atof(argv[4]);

  const bool own_network = enter_own_network();
  ServerProcess server;
  const double bare_before = bare_percent(kind, replicas, period, server.port, seconds / 2);
  NoDisk disk;
  NoLogStore logs;
  const telemetry::SystemClock clock;
  auto prober = make_prober([](ContainerId, ExecQuery, Done<ExecResult>) { return GiveUp{}; });
  if (!prober) give_up(prober.error().message);
  Counting probes(**prober);
  AgentConfig config;
  caf::actor_system system(config);
  SystemPost post(system);
  SimulatedRuntime machine({1, 1, 20, 0, "127.0.0"}, post.post(), clock);
  auto supervisor =
      spawn_supervisor(system, {machine, disk, logs, clock, probes}, {NodeId{"node-1"}, false, 3'600'000});
  std::this_thread::sleep_for(
      std::chrono::milliseconds(300));  // its disk is read by then: sets are taken after that
  caf::anon_send(supervisor, Carried<AssignmentSet>{assignments(kind, replicas, period, server.port)});
  const auto settle = std::chrono::milliseconds(2 * period + 1000);
  std::this_thread::sleep_for(settle);

  const auto begun = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  const std::uint64_t passed = probes.passed, failed = probes.failed;
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  nlohmann::json out = {{"kind", kind},
                        {"per_second", static_cast<double>(probes.passed - passed) / took},
                        {"failed", probes.failed - failed},
                        {"own_network", own_network},
                        {"core_percent", 100 * (cpu_seconds() - cpu) / took}};
  caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown);
  const double bare_after = bare_percent(kind, replicas, period, server.port, seconds / 2);
  out["bare_percent"] = (bare_before + bare_after) / 2;
  out["bare_spread"] = std::abs(bare_before - bare_after);
  std::puts(out.dump().c_str());
  return 0;
}
