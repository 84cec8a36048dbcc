#include "actors/runtime/prober/socket_desk.hpp"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace cloudless::runtime {
namespace {

ProbeAnswer judge_broken(const std::string& where, int error) {
  return {ProbeOutcome::failed, "no answer from " + where + ": " + std::strerror(error)};
}

}  // namespace

SocketDesk::~SocketDesk() {
  for (const auto& [number, talk] : under_way_) close(talk.socket);
}

bool SocketDesk::begin(Asked& asked, Millis now) {
  Talk talk;
  const auto* tcp = std::get_if<TcpCheck>(&asked.question.check);
  const auto* http = std::get_if<HttpCheck>(&asked.question.check);
  if (!tcp && !http) return false;
  const std::uint16_t port = tcp ? tcp->port : http->port;
  talk.where = endpoint(asked.question.address, port);
  if (http) {
    auto request = plain_request(*http, talk.where);
    if (!request) return false;
    talk.unsent = std::move(*request);
  }
  talk.until = now + asked.question.timeout;
  talk.asked = std::move(asked);
  const int fault = open(talk, port);
  if (fault == 0) {
    deadlines_.emplace(talk.until, talk.asked.number);
    under_way_.emplace(talk.asked.number, std::move(talk));
    return true;
  }
  if (talk.socket >= 0) close(talk.socket);
  told_.add(std::move(talk.asked.done), judge_no_connection(talk.where, fault));
  return true;
}

int SocketDesk::open(Talk& talk, std::uint16_t port) const {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  if (inet_pton(AF_INET, talk.asked.question.address.c_str(), &to.sin_addr) != 1) return EAFNOSUPPORT;
  talk.socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (talk.socket < 0) return errno;
  if (connect(talk.socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
    return errno;
  // Also when it is connected: then the loop's next round says so. Edges: it is told once for all that
  // follows.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.u64 = talk.asked.number | kMark;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, talk.socket, &event) == 0 ? 0 : errno;
}

void SocketDesk::ready(std::uint64_t data, std::uint32_t events, Millis now) {
  const auto found = under_way_.find(data & ~kMark);
  if (found == under_way_.end()) return;
  Talk& talk = found->second;
  if (!talk.connected && !connected(talk, events)) return;
  if (std::holds_alternative<TcpCheck>(talk.asked.question.check))
    return end(talk, {ProbeOutcome::passed, {}});
  if (!talk.unsent.empty() && !sent(talk)) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive(talk, now);
}

bool SocketDesk::connected(Talk& talk, std::uint32_t events) {
  int fault = 0;
  socklen_t size = sizeof fault;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 &&
      getsockopt(talk.socket, SOL_SOCKET, SO_ERROR, &fault, &size) != 0)
    fault = errno;
  if (fault != 0) {
    end(talk, judge_no_connection(talk.where, fault));
    return false;
  }
  talk.connected = (events & (EPOLLIN | EPOLLOUT)) != 0;
  return talk.connected;
}

bool SocketDesk::sent(Talk& talk) {
  const auto count = send(talk.socket, talk.unsent.data(), talk.unsent.size(), MSG_NOSIGNAL);
  if (count < 0 && errno == EAGAIN) return false;
  if (count < 0) {
    // It may have answered before it had read all: then that is the answer.
    talk.unsent.clear();
    return true;
  }
  talk.unsent.erase(0, static_cast<std::size_t>(count));
  return talk.unsent.empty();
}

void SocketDesk::receive(Talk& talk, Millis now) {
  std::array<char, 4096> bytes;
  for (;;) {
    const auto count = recv(talk.socket, bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) {
      const int fault = errno;
      if (talk.answer.status()) return finish(talk, PlainAnswer::State::whole, now);
      return end(talk, judge_broken(talk.where, fault));
    }
    if (count == 0) {
      if (!talk.answer.has_begun()) return end(talk, judge_early_close(talk.where));
      return finish(talk, talk.answer.take_end(), now);
    }
    const auto state = talk.answer.take({bytes.data(), static_cast<std::size_t>(count)});
    if (state != PlainAnswer::State::partial) return finish(talk, state, now);
  }
}

void SocketDesk::finish(Talk& talk, PlainAnswer::State state, Millis now) {
  const auto& check = std::get<HttpCheck>(talk.asked.question.check);
  switch (state) {
    case PlainAnswer::State::partial:
      return;
    case PlainAnswer::State::whole:
      return end(talk, judge_http(check, *talk.answer.status(), talk.answer.body()));
    case PlainAnswer::State::too_long:
      return end(talk, judge_endless_headers(talk.where));
    case PlainAnswer::State::odd:
      const Millis left = std::max<Millis>(1, talk.until - now);
      return odd_(take(talk.asked.number), left);
  }
}

void SocketDesk::expire(Millis now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Talk& late = under_way_.at(deadlines_.begin()->second);
    if (late.answer.status())
      finish(late, PlainAnswer::State::whole, now);
    else
      end(late, judge_silence(late.where, late.connected, late.asked.question.timeout));
  }
}

Asked SocketDesk::take(std::uint64_t number) {
  auto taken = under_way_.extract(number);
  Talk& talk = taken.mapped();
  deadlines_.erase({talk.until, number});
  close(talk.socket);  // epoll forgets it with that
  return std::move(talk.asked);
}

bool SocketDesk::end(std::uint64_t number, ProbeAnswer answer) {
  if (!under_way_.contains(number)) return false;
  told_.add(take(number).done, std::move(answer));
  return true;
}

void SocketDesk::end_all(const ProbeAnswer& answer) {
  while (!under_way_.empty()) end(under_way_.begin()->first, answer);
}

std::optional<Millis> SocketDesk::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

}  // namespace cloudless::runtime
