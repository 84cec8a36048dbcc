#include "actors/runtime/session_actor.hpp"

#include <algorithm>
#include <deque>
#include <utility>

namespace cloudless::runtime {
namespace {

constexpr std::size_t kChunk = 64 << 10;

using session = session_actor;

class SessionState {
 public:
  static inline const char* name = "session";
  explicit SessionState(session::pointer self) : self_(self) {}

  session::behavior_type behave(SessionId id, session_sink_actor sink) {
    id_ = std::move(id);
    sink_ = std::move(sink);
    self_->monitor(sink_);
    self_->set_down_handler([this](caf::down_msg&) { leave(); });
    return {[this](const Carried<SessionFrame>& frame) { take(*frame); },
            [this](const NextContainerPtr& next) {
              if (!reading_) return;
              next->container ? reading_->add_container(*next->container) : reading_->finish();
            },
            [this](const LogBatchPtr& batch) { take(*batch); },
            [this](const ExecDonePtr& done) { take(*done); }};
  }

  void read_logs(LogStore& logs, LogRequest request) {
    reading_ = logs.open(std::move(request), [target = weak()](LogBatch batch) {
      if (auto alive = caf::actor_cast<caf::strong_actor_ptr>(target))
        caf::anon_send(caf::actor_cast<session>(alive), std::make_shared<const LogBatch>(std::move(batch)));
    });
  }

  void run(RuntimePort& runtime, ContainerId container, ExecQuery query, std::uint64_t credit) {
    credit_ = credit;
    give_up_ =
        runtime.exec(std::move(container), std::move(query), [target = weak()](Result<ExecResult> result) {
          if (auto alive = caf::actor_cast<caf::strong_actor_ptr>(target))
            caf::anon_send(caf::actor_cast<session>(alive),
                           std::make_shared<const Result<ExecResult>>(std::move(result)));
        });
  }

 private:
  caf::weak_actor_ptr weak() { return caf::weak_actor_ptr{self_->ctrl()}; }

  void take(const SessionFrame& frame) {
    if (std::holds_alternative<SessionCancel>(frame.body)) return leave();
    if (const auto* more = std::get_if<SessionCredit>(&frame.body)) {
      if (reading_) reading_->grant(more->bytes);
      credit_ += more->bytes;
      send_waiting();
    }
  }

  void take(const LogBatch& batch) {
    if (!batch.lines.empty() || batch.caught_up)
      send(SessionData{sequence_++, batch.lines, {}, false, batch.caught_up});
    if (batch.ended) end({batch.error});
  }

  void take(const Result<ExecResult>& done) {
    if (!done) return end(SessionEnd{done.error()});
    if (!done->stdout_data.empty()) waiting_.emplace_back(done->stdout_data, false);
    if (!done->stderr_data.empty()) waiting_.emplace_back(done->stderr_data, true);
    last_ = SessionEnd{{Errc::none, {}, {}}, done->exit_code, done->timed_out, done->truncated};
    send_waiting();
  }

  void send_waiting() {
    while (!waiting_.empty() && credit_ > 0) {
      auto& [output, is_stderr] = waiting_.front();
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>({output.size(), credit_, kChunk}));
      credit_ -= size;
      if (size > 0) send(SessionData{sequence_++, {}, output.substr(0, size), is_stderr});
      output.erase(0, size);
      if (output.empty()) waiting_.pop_front();
    }
    if (waiting_.empty() && last_) end(*last_);
  }

  template <class Body>
  void send(Body body) {
    self_->send(sink_, Carried<SessionFrame>{SessionFrame{id_, std::move(body)}});
  }

  void end(SessionEnd last) {
    send(std::move(last));
    leave();
  }

  void leave() {
    reading_.reset();
    // A command that still runs is killed: nobody will hear of its end.
    if (give_up_) give_up_();
    self_->quit();
  }

  session::pointer self_;
  SessionId id_;
  session_sink_actor sink_;
  std::unique_ptr<LogReading> reading_;
  GiveUp give_up_;
  std::uint64_t credit_ = 0;
  std::uint64_t sequence_ = 0;
  std::deque<std::pair<std::string, bool>> waiting_;  ///< output of an exec; true: stderr
  std::optional<SessionEnd> last_;
};

}  // namespace

session_actor spawn_log_session(caf::actor_system& system, SessionId id, session_sink_actor sink,
                                LogStore& logs, LogRequest request) {
  auto start = std::make_shared<LogRequest>(std::move(request));
  return system.spawn(
      [](session::stateful_pointer<SessionState> self, SessionId session_id, session_sink_actor to,
         LogStore* store, const std::shared_ptr<LogRequest>& what) {
        auto behavior = self->state.behave(std::move(session_id), std::move(to));
        self->state.read_logs(*store, std::move(*what));
        return behavior;
      },
      std::move(id), std::move(sink), &logs, std::move(start));
}

session_actor spawn_exec_session(caf::actor_system& system, SessionId id, session_sink_actor sink,
                                 RuntimePort& runtime, ContainerId container, ExecQuery query,
                                 std::uint64_t credit) {
  auto start = std::make_shared<ExecQuery>(std::move(query));
  return system.spawn(
      [](session::stateful_pointer<SessionState> self, SessionId session_id, session_sink_actor to,
         RuntimePort* port, ContainerId in, const std::shared_ptr<ExecQuery>& what, std::uint64_t bytes) {
        auto behavior = self->state.behave(std::move(session_id), std::move(to));
        self->state.run(*port, std::move(in), std::move(*what), bytes);
        return behavior;
      },
      std::move(id), std::move(sink), &runtime, std::move(container), std::move(start), credit);
}

}  // namespace cloudless::runtime
