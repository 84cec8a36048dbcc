#include "actors/runtime/session_desk.hpp"

#include <utility>

namespace cloudless::runtime {
namespace {

LogRequest log_request(const LogQuery& query, const SessionTarget& target, std::uint64_t credit) {
  LogRequest request;
  request.query = query;
  request.credit = credit;
  request.more_may_come = query.follow && !target.over;
  if (!query.container.empty()) {
    request.containers.push_back(query.container);
    request.more_may_come = request.more_may_come && target.container == query.container;
    return request;
  }
  const auto attempt = [&](std::uint32_t n) {
    return ContainerId{container_prefix(target.replica) + std::to_string(n)};
  };
  if (query.previous) {
    request.more_may_come = false;
    // Of a replica that is not here any more, the files say what its attempts were.
    if (target.attempt > 0) request.containers.push_back(attempt(target.attempt - 1));
    return request;
  }
  const std::uint32_t first = target.attempt > kMostAttemptsRead ? target.attempt - kMostAttemptsRead + 1 : 1;
  for (std::uint32_t n = first; n <= target.attempt; ++n) request.containers.push_back(attempt(n));
  return request;
}

}  // namespace

session_actor SessionDesk::open(const SessionId& id, const SessionOpen& open, const SessionTarget& target,
                                session_sink_actor sink, bool over_link) {
  Entry entry;
  entry.over_link = over_link;
  if (const auto* query = std::get_if<LogQuery>(&open.query)) {
    LogRequest request = log_request(*query, target, open.credit);
    if (request.more_may_come) entry.follows = target.replica;
    entry.container = target.container;
    entry.one_container = !query->container.empty();
    entry.actor = spawn_log_session(system_, id, std::move(sink), logs_, std::move(request));
  } else {
    const auto& exec = std::get<ExecQuery>(open.query);
    ContainerId container = exec.container.empty() ? target.container : exec.container;
    entry.actor =
        spawn_exec_session(system_, id, std::move(sink), runtime_, std::move(container), exec, open.credit);
  }
  session_actor opened = entry.actor;
  sessions_[id] = std::move(entry);
  return opened;
}

void SessionDesk::pass_on(const SessionFrame& frame) {
  auto found = sessions_.find(frame.session);
  if (found != sessions_.end()) caf::anon_send(found->second.actor, Carried<SessionFrame>{frame});
}

void SessionDesk::replica_moved(const SessionTarget& target) {
  for (auto& [id, entry] : sessions_) {
    if (entry.follows != target.replica || entry.follows.empty()) continue;
    const bool moved = entry.container != target.container;
    if (!moved && !target.over) continue;
    NextContainer next;
    if (moved && !entry.one_container) next.container = target.container;
    caf::anon_send(entry.actor, std::make_shared<const NextContainer>(next));
    if (next.container && target.over) caf::anon_send(entry.actor, std::make_shared<const NextContainer>());
    entry.container = target.container;
    if (target.over || !next.container) entry.follows = {};
  }
}

void SessionDesk::ended(const caf::actor_addr& session) {
  for (auto it = sessions_.begin(); it != sessions_.end();)
    it = it->second.actor.address() == session ? sessions_.erase(it) : std::next(it);
}

void SessionDesk::cancel_all(bool over_link_only) {
  for (auto& [id, entry] : sessions_)
    if (entry.over_link || !over_link_only)
      caf::anon_send(entry.actor, Carried<SessionFrame>{SessionFrame{id, SessionCancel{}}});
}

}  // namespace cloudless::runtime
