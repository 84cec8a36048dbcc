#include "actors/runtime/prober/transfer_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace cloudless::runtime {
namespace {

using Steady = std::chrono::steady_clock;

constexpr ProbeOutcome kNobodyWaits = ProbeOutcome::unknown;

long long steady_millis() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now().time_since_epoch()).count();
}

/// Once per process, before the first thread uses libcurl.
bool curl_is_there() {
  static const bool done = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return done;
}

}  // namespace

TransferLoop::TransferLoop()
    : multi_(curl_is_there() ? curl_multi_init() : nullptr),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!good()) return;
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = event_;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &event);
  thread_ = std::thread([this] { run(); });
}

TransferLoop::~TransferLoop() {
  if (thread_.joinable()) {
    stop_ = true;
    wake();
    thread_.join();
  }
  for (auto& asked : asked_) asked.done({kNobodyWaits, "the agent ends"});
  if (multi_) curl_multi_cleanup(multi_);
  if (epoll_ >= 0) close(epoll_);
  if (event_ >= 0) close(event_);
}

bool TransferLoop::good() const {
  return multi_ && epoll_ >= 0 && event_ >= 0;
}

void TransferLoop::wake() const {
  eventfd_write(event_, 1);
}

std::uint64_t TransferLoop::ask(ProbeQuestion question, std::function<void(ProbeAnswer)> done) {
  bool first = false;
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = ++numbers_;
    first = asked_.empty() && given_up_.empty();
    asked_.push_back({number, std::move(question), std::move(done)});
  }
  if (first) wake();
  return number;
}

void TransferLoop::give_up(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  if (asked_.empty() && given_up_.empty()) wake();
  given_up_.push_back(number);
}

void TransferLoop::run() {
  while (!stop_) {
    wait_for_events();
    take_orders();
    tell_finished();
  }
  while (!under_way_.empty()) end(under_way_.begin()->first, {kNobodyWaits, "the agent ends"});
}

void TransferLoop::wait_for_events() {
  std::array<epoll_event, 64> events;
  int patience = -1;
  if (timer_at_ >= 0) patience = static_cast<int>(std::clamp(timer_at_ - steady_millis(), 0LL, 60'000LL));
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), patience);
  int running = 0;
  if (timer_at_ >= 0 && steady_millis() >= timer_at_) {
    timer_at_ = -1;
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd == event_) {
      eventfd_t ignored = 0;
      eventfd_read(event_, &ignored);
      continue;
    }
    const int what = ((event.events & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
                     ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                     ((event.events & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(multi_, event.data.fd, what, &running);
  }
}

void TransferLoop::take_orders() {
  std::vector<Asked> asked;
  std::vector<std::uint64_t> given_up;
  {
    const std::lock_guard lock(mutex_);
    asked.swap(asked_);
    given_up.swap(given_up_);
  }
  for (auto& question : asked) begin(std::move(question));
  for (const auto number : given_up) end(number, {kNobodyWaits, "nobody waits for the answer"});
}

void TransferLoop::begin(Asked asked) {
  auto transfer = std::make_unique<Transfer>(asked.number, std::move(asked.question), std::move(asked.done));
  if (!transfer->handle()) return transfer->finish({ProbeOutcome::unknown, "the node has no memory left"});
  auto& kept = *(under_way_[asked.number] = std::move(transfer));
  if (curl_multi_add_handle(multi_, kept.handle()) != CURLM_OK)
    end(asked.number, {ProbeOutcome::unknown, "the node cannot ask: libcurl takes no more transfers"});
}

void TransferLoop::end(std::uint64_t number, const ProbeAnswer& answer) {
  auto found = under_way_.extract(number);
  if (!found) return;
  curl_multi_remove_handle(multi_, found.mapped()->handle());
  found.mapped()->finish(answer);
}

void TransferLoop::tell_finished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* handle = message->easy_handle;
    auto found = under_way_.extract(Transfer::of(handle).number());
    // Judged before it is removed: then libcurl knows nothing of its connection any more.
    found.mapped()->finish(message->data.result);
    curl_multi_remove_handle(multi_, handle);
  }
}

int TransferLoop::on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
  auto& loop = *static_cast<TransferLoop*>(self);
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(loop.epoll_, EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event{};
  event.events = ((what & CURL_POLL_IN) != 0 ? std::uint32_t{EPOLLIN} : 0) |
                 ((what & CURL_POLL_OUT) != 0 ? std::uint32_t{EPOLLOUT} : 0);
  event.data.fd = socket;
  epoll_ctl(loop.epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event);
  if (!known) curl_multi_assign(loop.multi_, socket, self);
  return 0;
}

int TransferLoop::on_timer(CURLM*, long timeout_ms, void* self) {
  static_cast<TransferLoop*>(self)->timer_at_ = timeout_ms < 0 ? -1 : steady_millis() + timeout_ms;
  return 0;
}

}  // namespace cloudless::runtime
