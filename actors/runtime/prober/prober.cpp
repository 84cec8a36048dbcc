#include "actors/runtime/prober/prober.hpp"

#include <utility>

#include "actors/runtime/prober/transfer_loop.hpp"

namespace cloudless::runtime {
namespace {

class Prober final : public ProbePort {
 public:
  explicit Prober(RunExec run_exec) : desk_(std::move(run_exec)), loop_(std::make_shared<TransferLoop>()) {}

  bool good() const { return loop_->good(); }

  GiveUp ask(ProbeQuestion question, std::function<void(ProbeAnswer)> done) override {
    if (std::holds_alternative<ExecCheck>(question.check))
      return desk_.ask(std::move(question), std::move(done));
    const auto number = loop_->ask(std::move(question), std::move(done));
    return [loop = std::weak_ptr(loop_), number] {
      if (const auto still = loop.lock()) still->give_up(number);
    };
  }

 private:
  ExecDesk desk_;
  std::shared_ptr<TransferLoop> loop_;
};

}  // namespace

Result<std::unique_ptr<ProbePort>> make_prober(RunExec run_exec) {
  auto prober = std::make_unique<Prober>(std::move(run_exec));
  if (!prober->good())
    return fail(Errc::unavailable,
                "probes cannot be asked: libcurl or the kernel refuses; are there free file descriptors?");
  return std::unique_ptr<ProbePort>(std::move(prober));
}

}  // namespace cloudless::runtime
