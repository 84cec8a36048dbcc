#include "chaos/simulator/campaign.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

#include "chaos/simulator/run.hpp"

namespace cloudless::sim {
namespace {

constexpr std::uint64_t kPortion = 10;
/// A seed that takes so long hangs.
constexpr unsigned kSecondsPerSeed = 120;

/// Lines to the parent: "seed N", "fault NAME\tCOUNT" ..., "done STEPS FAULTS", "breach INVARIANT\tWHAT".
void work(const CampaignOptions& options, std::uint64_t first, std::uint64_t count, int out) {
  const auto say = [out](std::string line) {
    std::replace(line.begin(), line.end(), '\n', ' ');
    line += '\n';
    for (std::size_t sent = 0; sent < line.size();) {
      const auto n = write(out, line.data() + sent, line.size() - sent);
      if (n <= 0) _exit(1);
      sent += static_cast<std::size_t>(n);
    }
  };
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    say("seed " + std::to_string(seed));
    alarm(kSecondsPerSeed);
    const auto result = options.play({seed, options.steps, false, options.scenario});
    for (const auto& [what, times] : result.coverage.counts())
      say("count " + what + "\t" + std::to_string(times));
    if (result.breach) say("breach " + result.breach->invariant + "\t" + result.breach->what);
    say("done " + std::to_string(result.steps) + " " + std::to_string(result.faults));
  }
}

class Worker {
 public:
  Worker(const CampaignOptions& options, std::uint64_t first, std::uint64_t count)
      : next_(first), end_(first + count) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    std::fflush(stdout);
    pid_ = fork();
    if (pid_ < 0) std::abort();
    if (pid_ == 0) {
      close(ends[0]);
      work(options, first, count, ends[1]);
      // Without destructors of what the parent owns.
      _exit(0);
    }
    close(ends[1]);
    in_ = ends[0];
  }
  ~Worker() {
    if (in_ >= 0) close(in_);
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int in() const { return in_; }
  /// The first seed that was not begun.
  std::uint64_t next() const { return next_; }
  std::uint64_t end() const { return end_; }

  /// False once the process has ended.
  bool read_more(const CampaignOptions& options, CampaignResult& result) {
    char buffer[65536];
    const auto n = read(in_, buffer, sizeof buffer);
    if (n <= 0) return finish(options, result);
    text_.append(buffer, static_cast<std::size_t>(n));
    for (auto eol = text_.find('\n'); eol != std::string::npos; eol = text_.find('\n')) {
      take(text_.substr(0, eol), options, result);
      text_.erase(0, eol + 1);
    }
    return true;
  }

 private:
  void take(const std::string& line, const CampaignOptions& options, CampaignResult& result) {
    std::istringstream in(line);
    std::string word;
    in >> word;
    in.get();
    if (word == "seed") {
      in >> seed_;
      next_ = seed_ + 1;
      running_ = true;
      breach_.clear();
    } else if (word == "count") {
      std::string what;
      std::uint64_t times = 0;
      std::getline(in, what, '\t');
      in >> times;
      result.coverage.count(what, times);
    } else if (word == "breach") {
      std::getline(in, breach_);
    } else if (word == "done") {
      std::uint64_t steps = 0, faults = 0;
      in >> steps >> faults;
      result.steps += steps;
      result.faults += faults;
      running_ = false;
      if (breach_.empty())
        ++result.passed;
      else
        failed(breach_, options, result);
    }
  }

  bool finish(const CampaignOptions& options, CampaignResult& result) {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    if (running_) {
      const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      failed(signal == SIGALRM ? "a run ends\tit took longer than " + std::to_string(kSecondsPerSeed) + " s"
                               : "no part of ours ends the process\tsignal " + std::to_string(signal) + " (" +
                                     (signal != 0 ? strsignal(signal) : "exit") + ")",
             options, result);
    }
    return false;
  }

  void failed(const std::string& breach, const CampaignOptions& options, CampaignResult& result) {
    ++result.failed;
    const auto tab = breach.find('\t');
    std::printf("FAILED seed %llu\n  broken: %s\n  seen:   %s\n  replay: %s --seed %llu --steps %llu\n",
                static_cast<unsigned long long>(seed_), breach.substr(0, tab).c_str(),
                tab == std::string::npos ? "" : breach.substr(tab + 1).c_str(), options.program.c_str(),
                static_cast<unsigned long long>(seed_), static_cast<unsigned long long>(options.steps));
    std::fflush(stdout);
  }

  pid_t pid_ = -1;
  int in_ = -1;
  std::string text_;
  std::uint64_t next_;
  std::uint64_t end_;
  std::uint64_t seed_ = 0;
  bool running_ = false;
  std::string breach_;
};

}  // namespace

CampaignResult run_campaign(const CampaignOptions& options) {
  CampaignResult result;
  const unsigned limit =
      options.workers != 0 ? options.workers : std::max(1u, std::thread::hardware_concurrency());
  std::uint64_t next = options.first_seed;
  const std::uint64_t end = options.first_seed + options.seeds;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> again;  // what a worker that ended has left
  std::map<int, std::unique_ptr<Worker>> workers;
  const auto spawn = [&](std::uint64_t first, std::uint64_t count) {
    auto worker = std::make_unique<Worker>(options, first, count);
    const int in = worker->in();
    workers.emplace(in, std::move(worker));
  };
  for (;;) {
    while (workers.size() < limit && (!again.empty() || next < end)) {
      if (!again.empty()) {
        spawn(again.back().first, again.back().second);
        again.pop_back();
        continue;
      }
      const auto count = std::min(kPortion, end - next);
      spawn(next, count);
      next += count;
    }
    if (workers.empty() || (options.stop_at_first && result.failed > 0)) return result;
    std::vector<pollfd> waiting;
    waiting.reserve(workers.size());
    for (const auto& [in, worker] : workers) waiting.push_back({in, POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
    for (const auto& ready : waiting) {
      if (ready.revents == 0) continue;
      const auto found = workers.find(ready.fd);
      if (found->second->read_more(options, result)) continue;
      if (found->second->next() < found->second->end())
        again.emplace_back(found->second->next(), found->second->end() - found->second->next());
      workers.erase(found);
    }
  }
}

}  // namespace cloudless::sim
