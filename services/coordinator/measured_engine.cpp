#include "services/coordinator/measured_engine.hpp"

#include <chrono>
#include <utility>

namespace cloudless::coordinator {
namespace {

class MeasuredEngine final : public store::Engine {
 public:
  MeasuredEngine(std::unique_ptr<store::Engine> engine, prometheus::Registry& registry)
      : engine_(std::move(engine)),
        commits_(prometheus::BuildCounter()
                     .Name("cloudless_store_commits_total")
                     .Help("Commits that are durable.")
                     .Register(registry)
                     .Add({})),
        failures_(prometheus::BuildCounter()
                      .Name("cloudless_store_failed_batches_total")
                      .Help("Batches that could not be made durable.")
                      .Register(registry)
                      .Add({})),
        seconds_(prometheus::BuildHistogram()
                     .Name("cloudless_store_batch_seconds")
                     .Help("How long a batch of commits took to be durable.")
                     .Register(registry)
                     .Add({}, telemetry::latency_buckets())) {}

  Result<store::StoredState> load() override { return engine_->load(); }

  Result<void> commit(const std::vector<store::EncodedCommit>& batch, WallMillis now) override {
    const auto began = std::chrono::steady_clock::now();
    auto result = engine_->commit(batch, now);
    seconds_.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    if (result)
      commits_.Increment(static_cast<double>(batch.size()));
    else
      failures_.Increment();
    return result;
  }

  Result<std::vector<store::StoredRecord>> range(RecordKind kind, const std::string& after,
                                                 std::size_t limit) override {
    return engine_->range(kind, after, limit);
  }

 private:
  std::unique_ptr<store::Engine> engine_;
  prometheus::Counter& commits_;
  prometheus::Counter& failures_;
  prometheus::Histogram& seconds_;
};

}  // namespace

std::unique_ptr<store::Engine> measured_engine(std::unique_ptr<store::Engine> engine,
                                               prometheus::Registry& registry) {
  return std::make_unique<MeasuredEngine>(std::move(engine), registry);
}

}  // namespace cloudless::coordinator
