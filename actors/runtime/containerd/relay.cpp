#include "actors/runtime/containerd/relay.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace cloudless::runtime {
namespace {

constexpr std::size_t kPiece = 64 << 10;
/// What pipes hold at a command's end is less.
constexpr std::uint64_t kMostAfterEnd = 1 << 20;
constexpr auto kLongest = std::chrono::hours(1);

bool is_temporary(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

Relay::Relay(Options options, Events events)
    : options_(options), events_(std::move(events)), credit_(options.credit) {}

void Relay::attach_pipes(Descriptor in, Descriptor out, Descriptor err) {
  {
    const std::lock_guard lock(mutex_);
    in_ = std::move(in);
    out_.fd = std::move(out);
    err_.fd = std::move(err);
    attached_ = true;
  }
  changed();
}

void Relay::attach_connection(Descriptor socket) {
  {
    const std::lock_guard lock(mutex_);
    in_ = Descriptor(dup(socket.number()));
    broken_ = !in_.open();
    out_.fd = std::move(socket);
    attached_ = connection_ = true;
  }
  changed();
}

void Relay::push(std::string bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (!bytes.empty()) queue_.push_back(std::move(bytes));
  }
  changed();
}

void Relay::end_input() {
  {
    const std::lock_guard lock(mutex_);
    input_ended_ = true;
  }
  changed();
}

void Relay::grant(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (credit_ == 0) heard_at_ = Steady::now();
    credit_ += std::min(bytes, UINT64_MAX - credit_);
  }
  changed();
}

void Relay::ended(std::chrono::milliseconds drain) {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    drain_ = drain;
    heard_at_ = Steady::now();
  }
  changed();
}

void Relay::abandon() {
  abandoned_ = true;
  changed();
}

void Relay::changed() {
  if (const auto loop = loop_.lock()) loop->wake();
}

Relay::Over Relay::verdict(Steady::time_point now, bool& over) const {
  over = true;
  if (abandoned_) return Over::abandoned;
  if (broken_) return Over::failed;
  const bool silent = !out_.fd.open() && !err_.fd.open();
  if (connection_ && silent && input_closed_) return Over::ended;
  if (ended_ && attached_) {
    // Who has no credit left is waited for: it is alive, and what it gets is bounded.
    const bool drained = credit_ > 0 && now >= heard_at_ + drain_;
    if (silent || drained || since_end_ > kMostAfterEnd) return Over::ended;
  }
  if (options_.timeout.count() > 0 && now >= began_ + options_.timeout) return Over::timed_out;
  over = false;
  return Over::ended;
}

void Relay::ask(pollfd* slots, Steady::time_point& until) {
  const std::lock_guard lock(mutex_);
  const auto wants = [&](const Output& output) {
    const bool drops = options_.output_limit > 0 && output.delivered >= options_.output_limit;
    return output.fd.open() && (credit_ > 0 || drops);
  };
  slots[0] = {wants(out_) ? out_.fd.number() : -1, POLLIN, 0};
  slots[1] = {wants(err_) ? err_.fd.number() : -1, POLLIN, 0};
  slots[2] = {queue_.empty() ? -1 : in_.number(), POLLOUT, 0};
  if (options_.timeout.count() > 0) until = std::min(until, began_ + options_.timeout);
  if (ended_ && attached_ && credit_ > 0) until = std::min(until, heard_at_ + drain_);
  const bool input_to_close = attached_ && queue_.empty() && input_ended_ && !input_closed_;
  if (abandoned_ || broken_ || input_to_close) until = Steady::now();
}

bool Relay::read_from(Output& output, short events) {
  if ((events & (POLLIN | POLLHUP | POLLERR)) == 0) return false;
  std::array<char, kPiece> piece;
  std::uint64_t most = credit_;
  if (options_.output_limit > 0) {
    const auto room = options_.output_limit - std::min(options_.output_limit, output.delivered);
    most = room == 0 ? kPiece : std::min(most, room);
  }
  if (most == 0) return false;  // the other output took the credit since
  const auto got = read(output.fd.number(), piece.data(), std::min<std::uint64_t>(most, piece.size()));
  if (got < 0 && is_temporary(errno)) return false;
  if (got <= 0) {
    broken_ = broken_ || (connection_ && got < 0);
    output.fd.reset();
    return true;
  }
  const auto size = static_cast<std::uint64_t>(got);
  heard_at_ = Steady::now();
  if (ended_) since_end_ += size;
  if (options_.output_limit > 0 && output.delivered >= options_.output_limit) {
    truncated_ = true;
    return false;
  }
  output.delivered += size;
  credit_ -= size;
  // Not under the lock, which the receiver's answer may want.
  mutex_.unlock();
  events_.output(std::string(piece.data(), size), output.is_stderr);
  mutex_.lock();
  return false;
}

void Relay::write_input(short events) {
  if (events == 0 || queue_.empty() || !in_.open()) return;
  std::uint64_t done = 0;
  while (!queue_.empty()) {
    auto& front = queue_.front();
    const auto put = connection_ ? send(in_.number(), front.data(), front.size(), MSG_NOSIGNAL)
                                 : write(in_.number(), front.data(), front.size());
    if (put < 0 && is_temporary(errno)) break;
    if (put < 0) {
      // Nobody reads it: a command may do without; a connection is of no use any more.
      broken_ = broken_ || connection_;
      in_.reset();
      break;
    }
    done += static_cast<std::uint64_t>(put);
    if (static_cast<std::size_t>(put) < front.size()) {
      front.erase(0, static_cast<std::size_t>(put));
      break;
    }
    queue_.pop_front();
  }
  if (done == 0) return;
  mutex_.unlock();
  events_.taken(done);
  mutex_.lock();
}

void Relay::close_input() {
  if (attached_ && !in_.open() && !queue_.empty()) {
    std::uint64_t dropped = 0;
    for (const auto& piece : queue_) dropped += piece.size();
    queue_.clear();
    mutex_.unlock();
    events_.taken(dropped);
    mutex_.lock();
  }
  if (!attached_ || !input_ended_ || !queue_.empty() || input_closed_) return;
  input_closed_ = true;
  if (connection_) shutdown(in_.number(), SHUT_WR);
  in_.reset();
  mutex_.unlock();
  events_.input_closed();
  mutex_.lock();
}

bool Relay::act(const pollfd* slots) {
  std::unique_lock lock(mutex_);
  if (slots[0].revents != 0 && read_from(out_, slots[0].revents) && connection_ && !broken_) {
    lock.unlock();
    events_.output_closed();
    lock.lock();
  }
  if (slots[1].revents != 0) read_from(err_, slots[1].revents);
  write_input(slots[2].revents);
  close_input();
  bool over = false;
  const auto how = verdict(Steady::now(), over);
  if (!over) return true;
  in_.reset();
  out_.fd.reset();
  err_.fd.reset();
  lock.unlock();
  events_.over(how);
  return false;
}

std::shared_ptr<RelayLoop> RelayLoop::start() {
  std::shared_ptr<RelayLoop> loop(new RelayLoop);
  // The thread holds no share: stop ends it before the last one goes.
  loop->thread_ = std::thread([self = loop.get()] { self->run(); });
  return loop;
}

RelayLoop::RelayLoop() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

RelayLoop::~RelayLoop() {
  stop();
  if (event_ >= 0) close(event_);
}

void RelayLoop::wake() const {
  eventfd_write(event_, 1);
}

void RelayLoop::add(const std::shared_ptr<Relay>& relay) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      relay->loop_ = weak_from_this();
      newcomers_.push_back(relay);
      wake();
      return;
    }
  }
  relay->events_.over(Relay::Over::abandoned);
}

void RelayLoop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
}

void RelayLoop::run() {
  // A pipe without a reader is an error of its write, not the process's end.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);

  std::vector<std::shared_ptr<Relay>> relays;
  std::vector<pollfd> slots;
  for (;;) {
    bool stopping = false;
    {
      const std::lock_guard lock(mutex_);
      relays.insert(relays.end(), newcomers_.begin(), newcomers_.end());
      newcomers_.clear();
      stopping = stopping_;
    }
    if (stopping)
      for (const auto& relay : relays) relay->abandoned_ = true;
    if (stopping && relays.empty()) return;
    const auto now = Relay::Steady::now();
    auto until = now + kLongest;
    slots.assign(1 + relays.size() * Relay::kSlots, pollfd{-1, 0, 0});
    slots[0] = {event_, POLLIN, 0};
    for (std::size_t i = 0; i < relays.size(); ++i) relays[i]->ask(&slots[1 + i * Relay::kSlots], until);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::max(until, now) - now);
    poll(slots.data(), slots.size(), static_cast<int>(wait.count()));
    if (slots[0].revents != 0) {
      eventfd_t ignored = 0;
      eventfd_read(event_, &ignored);
    }
    std::vector<std::shared_ptr<Relay>> alive;
    for (std::size_t i = 0; i < relays.size(); ++i)
      if (relays[i]->act(&slots[1 + i * Relay::kSlots])) alive.push_back(relays[i]);
    relays.swap(alive);
  }
}

}  // namespace cloudless::runtime
