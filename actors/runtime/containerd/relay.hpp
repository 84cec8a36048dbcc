// Moves bytes between streams and their file descriptors: one thread for all of an agent's streams. Output
// goes as far as its credit, input waits in memory for as much as was granted. Talks to exec and forward,
// which own what is at the descriptors' other ends.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/runtime/archive/descriptor.hpp"

struct pollfd;

namespace cloudless::runtime {

class RelayLoop;

/// One stream's bytes. Its functions may be called in any thread; its events come in the loop's thread, one
/// at a time.
class Relay {
 public:
  using Steady = std::chrono::steady_clock;
  enum class Over {
    ended,      ///< what was behind it ended, and its output was delivered
    failed,     ///< the connection broke
    timed_out,  ///< its time is over
    abandoned,  ///< nobody waits any more
  };
  struct Events {
    std::function<void(std::string output, bool is_stderr)> output;  ///< at most 64 KiB
    std::function<void(std::uint64_t bytes)> taken;                  ///< of input
    std::function<void()> input_closed;                              ///< its end was passed on
    std::function<void()> output_closed;                             ///< of a connection
    std::function<void(Over)> over;                                  ///< once, last
  };
  struct Options {
    std::uint64_t credit = 0;              ///< bytes of output that may be delivered before more is granted
    std::uint64_t output_limit = 0;        ///< of each stream, what is more is dropped; 0: none
    std::chrono::milliseconds timeout{0};  ///< 0: none
  };

  Relay(Options options, Events events);

  /// A command's pipes; `err` may be closed already. It is over when ended() was told and the output is read.
  void attach_pipes(Descriptor in, Descriptor out, Descriptor err);
  /// A socket that does not block. It is over when both sides have ended.
  void attach_connection(Descriptor socket);

  void push(std::string bytes);
  void end_input();
  void grant(std::uint64_t bytes);
  /// What is behind the pipes ended. `drain`: how long the output may be silent before nothing more is
  /// expected (somebody else may still hold the pipes).
  void ended(std::chrono::milliseconds drain);
  void abandon();
  bool abandoned() const { return abandoned_; }
  /// Something was dropped because of the output limit.
  bool truncated() const { return truncated_; }

 private:
  friend class RelayLoop;
  static constexpr std::size_t kSlots = 3;
  struct Output {
    Descriptor fd;
    std::uint64_t delivered = 0;
    bool is_stderr = false;
  };

  /// The loop's: what to wait for, and until when.
  void ask(pollfd* slots, Steady::time_point& until);
  /// The loop's: does what can be done now. False when it is over.
  bool act(const pollfd* slots);
  bool read_from(Output& output, short events);
  void write_input(short events);
  void close_input();
  void changed();
  Over verdict(Steady::time_point now, bool& over) const;

  const Options options_;
  const Events events_;
  const Steady::time_point began_ = Steady::now();
  std::atomic<bool> abandoned_ = false;
  std::atomic<bool> truncated_ = false;
  std::weak_ptr<RelayLoop> loop_;

  std::mutex mutex_;
  Descriptor in_;
  Output out_;
  Output err_{{}, 0, true};
  bool attached_ = false;
  bool connection_ = false;
  bool broken_ = false;
  std::deque<std::string> queue_;
  bool input_ended_ = false;
  bool input_closed_ = false;
  std::uint64_t credit_ = 0;
  bool ended_ = false;
  std::chrono::milliseconds drain_{0};
  Steady::time_point heard_at_;  ///< of the output, once ended
  std::uint64_t since_end_ = 0;  ///< bytes of output
};

class RelayLoop : public std::enable_shared_from_this<RelayLoop> {
 public:
  static std::shared_ptr<RelayLoop> start();
  ~RelayLoop();
  RelayLoop(const RelayLoop&) = delete;
  RelayLoop& operator=(const RelayLoop&) = delete;

  /// From now on its events come. After stop it is over at once, in the caller's thread.
  void add(const std::shared_ptr<Relay>& relay);
  /// Abandons every relay, and returns when all are over.
  void stop();

 private:
  friend class Relay;
  RelayLoop();
  void run();
  void wake() const;

  int event_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Relay>> newcomers_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cloudless::runtime
