// A stream into a simulated container: says what it has to say under the credit granted, and says again what
// it is told if it is an echo. Connections and copies of files are echoes here, and so is the command "cat".
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

class SimulatedStream final : public RuntimeStream, public std::enable_shared_from_this<SimulatedStream> {
 public:
  using Tell = std::function<void(StreamNews)>;
  SimulatedStream(std::uint64_t credit, Tell tell) : credit_(credit), tell_(std::move(tell)) {}

  /// From now on what it is told comes back; it ends with its input.
  void begin_echo();
  /// Says this, then ends.
  void finish(const ExecResult& result);
  /// Ends at once.
  void fail_with(Error error);
  /// Nobody listens any more.
  void give_up() { tell_ = nullptr; }

  void push(std::string bytes) override;
  void end_input() override;
  void grant(std::uint64_t bytes) override;
  void resize(WindowSize) override {}
  void signal(int number) override;

 private:
  void go_on();
  void tell(StreamNews news);

  std::uint64_t credit_;
  Tell tell_;
  std::string input_;
  std::string out_;
  std::string err_;
  bool echo_ = false;
  bool input_over_ = false;
  std::optional<Result<StreamEnd>> end_;
};

/// The near end: gives the stream up when it goes.
std::unique_ptr<RuntimeStream> near_end(std::shared_ptr<SimulatedStream> stream);

}  // namespace cloudless::runtime
