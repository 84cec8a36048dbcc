#include "actors/runtime/simulated/simulated_stream.hpp"

#include <algorithm>
#include <utility>

namespace cloudless::runtime {
namespace {

class NearEnd final : public RuntimeStream {
 public:
  explicit NearEnd(std::shared_ptr<SimulatedStream> stream) : stream_(std::move(stream)) {}
  ~NearEnd() override { stream_->give_up(); }
  void push(std::string bytes) override { stream_->push(std::move(bytes)); }
  void end_input() override { stream_->end_input(); }
  void grant(std::uint64_t bytes) override { stream_->grant(bytes); }
  void resize(WindowSize window) override { stream_->resize(window); }
  void signal(int number) override { stream_->signal(number); }

 private:
  std::shared_ptr<SimulatedStream> stream_;
};

}  // namespace

void SimulatedStream::begin_echo() {
  echo_ = true;
  go_on();
}

void SimulatedStream::finish(const ExecResult& result) {
  out_ += result.stdout_data;
  err_ += result.stderr_data;
  end_ = StreamEnd{result.exit_code, result.timed_out, result.truncated};
  go_on();
}

void SimulatedStream::fail_with(Error error) {
  end_ = fail(std::move(error));
  go_on();
}

void SimulatedStream::push(std::string bytes) {
  input_ += bytes;
  go_on();
}

void SimulatedStream::end_input() {
  input_over_ = true;
  go_on();
}

void SimulatedStream::grant(std::uint64_t bytes) {
  credit_ += bytes;
  go_on();
}

void SimulatedStream::signal(int number) {
  if (!echo_ || end_) return;
  end_ = StreamEnd{128 + number, false, false};
  go_on();
}

void SimulatedStream::tell(StreamNews news) {
  if (tell_) tell_(std::move(news));
}

void SimulatedStream::go_on() {
  if (echo_ && !end_) {
    // It takes no more than it can say.
    const auto room = credit_ > out_.size() ? credit_ - out_.size() : 0;
    const auto taken = std::min<std::uint64_t>(room, input_.size());
    out_.append(input_, 0, taken);
    input_.erase(0, taken);
    if (taken > 0) tell({{}, false, false, taken, std::nullopt});
    if (input_over_ && input_.empty()) end_ = StreamEnd{};
  }
  for (auto* waiting : {&out_, &err_}) {
    while (!waiting->empty() && credit_ > 0) {
      const auto size = std::min<std::uint64_t>({waiting->size(), credit_, kMaxSessionChunk});
      credit_ -= size;
      tell({waiting->substr(0, size), waiting == &err_, false, 0, std::nullopt});
      waiting->erase(0, size);
    }
  }
  if (!end_ || !out_.empty() || !err_.empty()) return;
  tell({{}, false, false, 0, std::move(end_)});
  give_up();
}

std::unique_ptr<RuntimeStream> near_end(std::shared_ptr<SimulatedStream> stream) {
  return std::make_unique<NearEnd>(std::move(stream));
}

}  // namespace cloudless::runtime
