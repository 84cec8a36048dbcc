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
constexpr std::size_t kMostIdleHandles = 64;

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
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      sockets_(epoll_, told_, [this](Asked odd, Millis left) { begin_transfer(std::move(odd), left); }) {
  if (!good()) return;
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint64_t>(event_);
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
    gather_finished();
    told_.tell();
  }
  end_all({kNobodyWaits, "the agent ends"});
  told_.tell();
}

int TransferLoop::patience() const {
  const auto next = sockets_.next_deadline();
  if (timer_at_ < 0 && !next) return -1;
  const long long at = timer_at_ < 0 ? *next : next ? std::min<long long>(timer_at_, *next) : timer_at_;
  return static_cast<int>(std::clamp(at - steady_millis(), 0LL, 60'000LL));
}

void TransferLoop::expire() {
  const long long now = steady_millis();
  sockets_.expire(now);
  if (timer_at_ < 0 || now < timer_at_) return;
  timer_at_ = -1;
  int running = 0;
  curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
}

void TransferLoop::wait_for_events() {
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), patience());
  const Millis now = steady_millis();
  int running = 0;
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (SocketDesk::is_marked(event.data.u64)) {
      sockets_.ready(event.data.u64, event.events, now);
      continue;
    }
    const int socket = static_cast<int>(event.data.u64);
    if (socket == event_) {
      eventfd_t ignored = 0;
      eventfd_read(event_, &ignored);
      continue;
    }
    const int what = ((event.events & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
                     ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                     ((event.events & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(multi_, socket, what, &running);
  }
  // After the events: what was answered in time has passed, however late this thread is.
  expire();
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
  if (sockets_.begin(asked, steady_millis())) return;
  const Millis timeout = asked.question.timeout;
  begin_transfer(std::move(asked), timeout);
}

Handle TransferLoop::take_handle() {
  if (idle_.empty()) return Handle(curl_easy_init());
  Handle handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void TransferLoop::tell(Transfer& over, ProbeAnswer answer) {
  told_.add(over.take_done(), std::move(answer));
  Handle handle = over.take_handle();
  if (idle_.size() >= kMostIdleHandles) return;
  curl_easy_reset(handle.get());
  idle_.push_back(std::move(handle));
}

void TransferLoop::begin_transfer(Asked asked, Millis left) {
  Handle handle = take_handle();
  if (!handle)
    return told_.add(std::move(asked.done), {ProbeOutcome::unknown, "the node has no memory left"});
  auto transfer = std::make_unique<Transfer>(asked.number, std::move(asked.question), std::move(asked.done),
                                             std::move(handle), left);
  auto& kept = *(under_way_[asked.number] = std::move(transfer));
  if (curl_multi_add_handle(multi_, kept.handle()) != CURLM_OK)
    end(asked.number, {ProbeOutcome::unknown, "the node cannot ask: libcurl takes no more transfers"});
}

void TransferLoop::end(std::uint64_t number, const ProbeAnswer& answer) {
  if (sockets_.end(number, answer)) return;
  auto found = under_way_.extract(number);
  if (!found) return;
  curl_multi_remove_handle(multi_, found.mapped()->handle());
  tell(*found.mapped(), answer);
}

void TransferLoop::end_all(const ProbeAnswer& answer) {
  sockets_.end_all(answer);
  while (!under_way_.empty()) end(under_way_.begin()->first, answer);
}

void TransferLoop::gather_finished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* handle = message->easy_handle;
    auto found = under_way_.extract(Transfer::of(handle).number());
    // Judged before it is removed: then libcurl knows nothing of its connection any more.
    ProbeAnswer answer = found.mapped()->judge(message->data.result);
    curl_multi_remove_handle(multi_, handle);
    tell(*found.mapped(), std::move(answer));
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
  event.data.u64 = static_cast<std::uint64_t>(socket);
  epoll_ctl(loop.epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event);
  if (!known) curl_multi_assign(loop.multi_, socket, self);
  return 0;
}

int TransferLoop::on_timer(CURLM*, long timeout_ms, void* self) {
  static_cast<TransferLoop*>(self)->timer_at_ = timeout_ms < 0 ? -1 : steady_millis() + timeout_ms;
  return 0;
}

}  // namespace cloudless::runtime
