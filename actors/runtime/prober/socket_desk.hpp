// Tcp questions and most http ones: sockets of our own in the prober's event loop. libcurl is not asked, for
// it costs as much again as the connection. Lives on the prober's thread. Always holds: a tcp question sends
// and reads no byte; what a hostile server sends is bounded in bytes and in time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "actors/runtime/prober/plain_http.hpp"
#include "actors/runtime/prober/told.hpp"

namespace cloudless::runtime {

/// A question and who waits for its answer.
struct Asked {
  std::uint64_t number = 0;
  ProbeQuestion question;
  std::function<void(ProbeAnswer)> done;
};

class SocketDesk {
 public:
  /// Its sockets are watched by `epoll`; answers go to `told`. Questions whose answer is odd go to `odd`,
  /// with the time that is left to them.
  using Odd = std::function<void(Asked, Millis left)>;
  SocketDesk(int epoll, ToldAnswers& told, Odd odd) : epoll_(epoll), told_(told), odd_(std::move(odd)) {}
  /// Only closes: end() what is to be answered.
  ~SocketDesk();
  SocketDesk(const SocketDesk&) = delete;
  SocketDesk& operator=(const SocketDesk&) = delete;

  /// Tells the epoll data of its sockets from that of others, which are smaller numbers.
  static bool is_marked(std::uint64_t data) { return (data & kMark) != 0; }

  /// `now`: steady milliseconds, here and below. False: it is none of its questions, and `asked` is as it
  /// was.
  bool begin(Asked& asked, Millis now);
  /// `events` (of epoll) happened to the socket with this data; what is over already is passed over.
  void ready(std::uint64_t data, std::uint32_t events, Millis now);
  void expire(Millis now);
  /// False: it is none of its questions, or answered.
  bool end(std::uint64_t number, ProbeAnswer answer);
  void end_all(const ProbeAnswer& answer);
  std::optional<Millis> next_deadline() const;

 private:
  static constexpr std::uint64_t kMark = std::uint64_t{1} << 63;

  struct Talk {
    Asked asked;
    int socket = -1;
    Millis until = 0;
    std::string where;
    bool connected = false;
    std::string unsent;
    PlainAnswer answer;
  };

  /// 0, or what the kernel says against it.
  int open(Talk& talk, std::uint16_t port) const;
  /// True: the connection is there.
  bool connected(Talk& talk, std::uint32_t events);
  /// True: all is sent.
  bool sent(Talk& talk);
  void receive(Talk& talk, Millis now);
  void finish(Talk& talk, PlainAnswer::State state, Millis now);
  void end(const Talk& talk, ProbeAnswer answer) { end(talk.asked.number, std::move(answer)); }
  Asked take(std::uint64_t number);

  int epoll_;
  ToldAnswers& told_;
  Odd odd_;
  std::map<std::uint64_t, Talk> under_way_;
  std::set<std::pair<Millis, std::uint64_t>> deadlines_;
};

}  // namespace cloudless::runtime
