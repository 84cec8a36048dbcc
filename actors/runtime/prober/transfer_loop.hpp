// The thread that asks over the network: libcurl's multi interface and sockets of our own (tcp, plain http)
// on one epoll instance. Each question costs a connection, and nothing while it waits, however many are under
// way.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "actors/runtime/prober/socket_desk.hpp"
#include "actors/runtime/prober/told.hpp"
#include "actors/runtime/prober/transfer.hpp"

namespace cloudless::runtime {

class TransferLoop {
 public:
  TransferLoop();
  /// Answers what is under way with `unknown`.
  ~TransferLoop();
  TransferLoop(const TransferLoop&) = delete;
  TransferLoop& operator=(const TransferLoop&) = delete;

  /// Whether it could be set up.
  bool good() const;
  /// Any thread. The number ends the question.
  std::uint64_t ask(ProbeQuestion question, std::function<void(ProbeAnswer)> done);
  /// Any thread, also when the answer has long been told.
  void give_up(std::uint64_t number);

 private:
  void run();
  void wait_for_events();
  void expire();
  int patience() const;
  void take_orders();
  void begin(Asked asked);
  void begin_transfer(Asked asked, Millis left);
  void end(std::uint64_t number, const ProbeAnswer& answer);
  void end_all(const ProbeAnswer& answer);
  void gather_finished();
  Handle take_handle();
  /// Of a transfer that libcurl has let go of.
  void tell(Transfer& over, ProbeAnswer answer);
  void wake() const;

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known);
  static int on_timer(CURLM*, long timeout_ms, void* self);

  CURLM* multi_;
  int epoll_;
  int event_;

  std::mutex mutex_;
  std::uint64_t numbers_ = 0;
  std::vector<Asked> asked_;
  std::vector<std::uint64_t> given_up_;
  std::atomic<bool> stop_ = false;

  // The thread's own.
  ToldAnswers told_;
  SocketDesk sockets_;
  std::map<std::uint64_t, std::unique_ptr<Transfer>> under_way_;
  std::vector<Handle> idle_;  ///< as new; to make one costs as much as a request
  long long timer_at_ = -1;   ///< steady milliseconds; -1: no timer

  std::thread thread_;
};

}  // namespace cloudless::runtime
