// A call of the API whose bytes go both ways (Exec, PortForward, Copy), over one session. One chunk of the
// client's is in memory at a time: the next is read when the agent has room for this one, and output goes at
// the client's pace. Used by gateways, and by agents for their own API.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "gateway/status.hpp"
#include "messages/codec/api_stream.hpp"

namespace cloudless::gateway {

/// A session's way to the agent. Its destructor ends the session.
class StreamLine {
 public:
  virtual ~StreamLine() = default;
  /// A frame's body after the opening.
  virtual void send(SessionInput input) = 0;
  virtual void send(SessionResize resize) = 0;
  virtual void send(SessionSignal signal) = 0;
  virtual void send(SessionCredit credit) = 0;
};

/// What comes back over a line, in any thread, one at a time.
class StreamReceiver {
 public:
  virtual ~StreamReceiver() = default;
  virtual void on_data(const SessionData& data) = 0;
  virtual void on_taken(std::uint64_t bytes) = 0;
  virtual void on_end(const SessionEnd& end) = 0;
};

template <class Input, class Output>
class StreamCall final : public grpc::ServerBidiReactor<Input, Output>, public StreamReceiver {
 public:
  /// Opens the line to whatever the first message names.
  using Connect =
      std::function<Result<std::unique_ptr<StreamLine>>(codec::StreamOpen, std::shared_ptr<StreamReceiver>)>;
  using Ended = std::function<void(grpc::StatusCode)>;

  /// `ended` is called once, when the call is over.
  static StreamCall* start(Connect connect, Ended ended) {
    auto call = std::make_shared<StreamCall>(std::move(connect), std::move(ended));
    call->self_ = call;
    std::lock_guard lock(call->mutex_);
    call->read_next();
    return call.get();
  }

  StreamCall(Connect connect, Ended ended) : connect_(std::move(connect)), ended_(std::move(ended)) {}

  // From gRPC.
  void OnReadDone(bool ok) override {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    if (!ok) return client_sends_no_more();
    if (!line_) return open();
    auto step = codec::parse_step(input_);
    if (!step) return finish(to_status(step.error()));
    if (auto* input = std::get_if<SessionInput>(&*step)) {
      pending_ = std::move(*input);
      return pass_on();
    }
    if (const auto* resize = std::get_if<SessionResize>(&*step)) line_->send(*resize);
    if (const auto* signal = std::get_if<SessionSignal>(&*step)) line_->send(*signal);
    read_next();
  }
  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) return finish(grpc::Status::CANCELLED);
    if (line_ && written_ > 0) line_->send(SessionCredit{std::exchange(written_, 0)});
    write_next();
  }
  void OnCancel() override {
    std::lock_guard lock(mutex_);
    finish(grpc::Status::CANCELLED);
  }
  void OnDone() override {
    line_.reset();
    ended_(code_);
    // The line's other end may hold this a little longer.
    const auto last = std::move(self_);
  }

  // From the line.
  void on_data(const SessionData& data) override {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    waiting_.push_back(data);
    write_next();
  }
  void on_taken(std::uint64_t bytes) override {
    std::lock_guard lock(mutex_);
    credit_ += bytes;
    if (pending_ && !finished_) pass_on();
  }
  void on_end(const SessionEnd& end) override {
    std::lock_guard lock(mutex_);
    if (!end_) end_ = end;
    write_next();
  }

 private:
  void read_next() { this->StartRead(&input_); }

  void open() {
    auto opened = codec::parse_open(input_);
    if (!opened) return finish(to_status(opened.error()));
    auto line = connect_(std::move(*opened), self_);
    if (!line) return finish(to_status(line.error()));
    line_ = std::move(*line);
    read_next();
  }

  void client_sends_no_more() {
    if (!line_)
      return finish(to_status({Errc::invalid_argument, "the call ended before its first message", {}}));
    if (!input_over_) pass_on_end();
  }

  void pass_on_end() {
    input_over_ = true;
    line_->send(SessionInput{sequence_++, {}, true});
  }

  void pass_on() {
    if (input_over_) return finish(to_status({Errc::invalid_argument, "there came input after its end", {}}));
    if (pending_->bytes.size() > credit_) return;  // until the agent took more
    credit_ -= pending_->bytes.size();
    pending_->sequence = sequence_++;
    input_over_ = pending_->last;
    line_->send(std::move(*pending_));
    pending_.reset();
    read_next();
  }

  void write_next() {
    while (!writing_ && !finished_) {
      output_.Clear();
      if (!waiting_.empty()) {
        const SessionData data = std::move(waiting_.front());
        waiting_.pop_front();
        written_ += data.output.size();
        if (!codec::to_api(data, output_)) continue;
      } else if (end_ && !said_end_) {
        said_end_ = true;
        if (end_->error.code != Errc::none || !codec::to_api(*end_, output_)) continue;
      } else if (end_) {
        return finish(to_status(end_->error));
      } else {
        return;
      }
      writing_ = true;
      this->StartWrite(&output_);
    }
  }

  void finish(const grpc::Status& status) {
    if (std::exchange(finished_, true)) return;
    code_ = status.error_code();
    this->Finish(status);
  }

  const Connect connect_;
  const Ended ended_;
  /// Until gRPC is done with it.
  std::shared_ptr<StreamCall> self_;

  std::mutex mutex_;
  std::unique_ptr<StreamLine> line_;
  Input input_;
  Output output_;
  std::optional<SessionInput> pending_;
  std::uint64_t credit_ = kSessionInputCredit;
  std::uint64_t sequence_ = 0;
  bool input_over_ = false;
  std::deque<SessionData> waiting_;
  std::uint64_t written_ = 0;
  bool writing_ = false;
  std::optional<SessionEnd> end_;
  bool said_end_ = false;
  bool finished_ = false;
  grpc::StatusCode code_ = grpc::StatusCode::OK;
};

}  // namespace cloudless::gateway
