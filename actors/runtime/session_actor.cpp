#include "actors/runtime/session_actor.hpp"

#include <utility>

namespace cloudless::runtime {
namespace {

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
            [this](const StreamNewsPtr& news) { take(*news); }};
  }

  void read_logs(LogStore& logs, LogRequest request) {
    reading_ = logs.open(std::move(request), [target = weak()](LogBatch batch) {
      if (auto alive = caf::actor_cast<caf::strong_actor_ptr>(target))
        caf::anon_send(caf::actor_cast<session>(alive), std::make_shared<const LogBatch>(std::move(batch)));
    });
  }

  void stream(RuntimePort& runtime, StreamRequest request, std::string known) {
    known_ = std::move(known);
    stream_ = runtime.open_stream(std::move(request), [target = weak()](StreamNews news) {
      if (auto alive = caf::actor_cast<caf::strong_actor_ptr>(target))
        caf::anon_send(caf::actor_cast<session>(alive), std::make_shared<const StreamNews>(std::move(news)));
    });
  }

 private:
  caf::weak_actor_ptr weak() { return caf::weak_actor_ptr{self_->ctrl()}; }

  void take(const SessionFrame& frame) {
    if (std::holds_alternative<SessionCancel>(frame.body)) return leave();
    if (const auto* more = std::get_if<SessionCredit>(&frame.body)) {
      if (reading_) reading_->grant(more->bytes);
      if (stream_) stream_->grant(more->bytes);
      return;
    }
    if (!stream_) return wrong("a frame that a session of logs does not have");
    if (const auto* input = std::get_if<SessionInput>(&frame.body)) return take(*input);
    if (const auto* resize = std::get_if<SessionResize>(&frame.body)) return stream_->resize(resize->window);
    if (const auto* signal = std::get_if<SessionSignal>(&frame.body)) return stream_->signal(signal->number);
    wrong("a frame that this version does not know, or that only an agent sends");
  }

  void take(const SessionInput& input) {
    if (input.sequence != next_input_)
      return wrong("input " + std::to_string(input.sequence) + " where " + std::to_string(next_input_) +
                   " was expected");
    if (input_over_) return wrong("input after its end");
    if (input.bytes.size() > input_credit_) return wrong("more input than was granted");
    ++next_input_;
    input_credit_ -= input.bytes.size();
    input_over_ = input.last;
    if (!input.bytes.empty()) stream_->push(input.bytes);
    if (input.last) stream_->end_input();
  }

  void wrong(const std::string& what) {
    end(SessionEnd{{Errc::invalid_argument, "the session is ended: there came " + what, {}}});
  }

  void take(const LogBatch& batch) {
    if (!batch.lines.empty() || batch.caught_up)
      send(SessionData{sequence_++, batch.lines, {}, false, batch.caught_up});
    if (batch.ended) end({batch.error});
  }

  void take(const StreamNews& news) {
    if (!stream_) return;  // given up meanwhile
    if (!news.output.empty() || news.last)
      send(SessionData{sequence_++, {}, news.output, news.is_stderr, false, news.last});
    if (news.taken > 0) {
      input_credit_ += news.taken;
      send(SessionTaken{news.taken});
    }
    if (!news.end) return;
    if (*news.end)
      return end(
          {{Errc::none, {}, {}}, (*news.end)->exit_code, (*news.end)->timed_out, (*news.end)->truncated});
    auto error = news.end->error();
    if (error.code == Errc::not_found && !known_.empty())
      error = {Errc::failed_precondition, known_ + " does not run any more", {}};
    end(SessionEnd{std::move(error)});
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
    stream_.reset();  // a command that still runs is killed: nobody will hear of its end
    self_->quit();
  }

  session::pointer self_;
  SessionId id_;
  session_sink_actor sink_;
  std::unique_ptr<LogReading> reading_;
  std::unique_ptr<RuntimeStream> stream_;
  std::string known_;
  std::uint64_t sequence_ = 0;
  std::uint64_t next_input_ = 0;
  std::uint64_t input_credit_ = kSessionInputCredit;
  bool input_over_ = false;
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

session_actor spawn_stream_session(caf::actor_system& system, SessionId id, session_sink_actor sink,
                                   RuntimePort& runtime, StreamRequest request, std::string known) {
  auto start = std::make_shared<StreamRequest>(std::move(request));
  return system.spawn(
      [](session::stateful_pointer<SessionState> self, SessionId session_id, session_sink_actor to,
         RuntimePort* port, const std::shared_ptr<StreamRequest>& what, const std::string& whose) {
        auto behavior = self->state.behave(std::move(session_id), std::move(to));
        self->state.stream(*port, std::move(*what), whose);
        return behavior;
      },
      std::move(id), std::move(sink), &runtime, std::move(start), std::move(known));
}

}  // namespace cloudless::runtime
