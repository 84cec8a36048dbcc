// The outside of one agent process: the machine's runtime, disk and network behind gates that close when the
// process ends. After that its calls do nothing and its answers are dropped, whatever its actors still do.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/node_link/dial_port.hpp"
#include "actors/runtime/agent_disk.hpp"
#include "actors/runtime/log_store.hpp"
#include "actors/runtime/probe_port.hpp"
#include "actors/runtime/runtime_port.hpp"

namespace cloudless::sim {

using Alive = std::shared_ptr<const bool>;

/// `done`, but only while the process lives.
template <class Done>
Done while_alive(Alive alive, Done done) {
  return [alive = std::move(alive), done = std::move(done)](auto&& result) {
    if (*alive) done(std::forward<decltype(result)>(result));
  };
}

class GatedRuntime final : public runtime::RuntimePort {
 public:
  GatedRuntime(runtime::RuntimePort& inner, Alive alive) : inner_(inner), alive_(std::move(alive)) {}

  void prepare_image(runtime::ImageRequest request, runtime::ImageNews news,
                     runtime::Done<runtime::PreparedImage> done) override {
    if (!*alive_) return;
    runtime::ImageNews heard = [alive = alive_, news = std::move(news)](std::string words) {
      if (*alive && news) news(std::move(words));
    };
    inner_.prepare_image(std::move(request), std::move(heard), while_alive(alive_, std::move(done)));
  }
  void expect(runtime::ContainerRequest request) override {
    if (*alive_) inner_.expect(std::move(request));
  }
  void start(runtime::ContainerRequest request, runtime::Done<runtime::StartedContainer> done) override {
    if (*alive_) inner_.start(std::move(request), while_alive(alive_, std::move(done)));
  }
  void wait(ContainerId container, runtime::Done<runtime::ContainerExit> done) override {
    if (*alive_) inner_.wait(std::move(container), while_alive(alive_, std::move(done)));
  }
  void signal(ContainerId container, int signal, runtime::Done<runtime::Nothing> done) override {
    if (*alive_) inner_.signal(std::move(container), signal, while_alive(alive_, std::move(done)));
  }
  void remove(ContainerId container, runtime::Done<runtime::Nothing> done) override {
    if (*alive_) inner_.remove(std::move(container), while_alive(alive_, std::move(done)));
  }
  void list(runtime::Done<std::vector<runtime::ObservedContainer>> done) override {
    if (*alive_) inner_.list(while_alive(alive_, std::move(done)));
  }
  runtime::GiveUp exec(ContainerId container, ExecQuery query, runtime::Done<ExecResult> done) override {
    if (!*alive_) return {};
    return inner_.exec(std::move(container), std::move(query), while_alive(alive_, std::move(done)));
  }
  std::unique_ptr<runtime::RuntimeStream> open_stream(
      runtime::StreamRequest request, std::function<void(runtime::StreamNews)> tell) override {
    if (!*alive_) return nullptr;
    return inner_.open_stream(std::move(request), while_alive(alive_, std::move(tell)));
  }
  std::string log_path(const ContainerId& container) const override { return inner_.log_path(container); }
  void forget_logs(const std::vector<ContainerId>& keep) override {
    if (*alive_) inner_.forget_logs(keep);
  }
  void forget_volumes(const std::vector<ReplicaId>& keep) override {
    if (*alive_) inner_.forget_volumes(keep);
  }
  void update_limits(ContainerId container, ResourceLimits limits,
                     runtime::Done<runtime::Nothing> done) override {
    if (*alive_) inner_.update_limits(std::move(container), limits, while_alive(alive_, std::move(done)));
  }
  void usage(runtime::Done<std::vector<ContainerUsage>> done) override {
    if (*alive_) inner_.usage(while_alive(alive_, std::move(done)));
  }
  void collect_images(std::vector<runtime::ImageRequest> keep) override {
    if (*alive_) inner_.collect_images(std::move(keep));
  }
  void ping(runtime::Done<runtime::Nothing> done) override {
    if (*alive_) inner_.ping(while_alive(alive_, std::move(done)));
  }

 private:
  runtime::RuntimePort& inner_;
  Alive alive_;
};

class GatedDisk final : public runtime::AgentDisk {
 public:
  GatedDisk(runtime::AgentDisk& inner, Alive alive) : inner_(inner), alive_(std::move(alive)) {}
  void load(runtime::Done<std::string> done) override {
    if (*alive_) inner_.load(while_alive(alive_, std::move(done)));
  }
  void save(std::string bytes, runtime::Done<runtime::Nothing> done) override {
    if (*alive_) inner_.save(std::move(bytes), while_alive(alive_, std::move(done)));
  }

 private:
  runtime::AgentDisk& inner_;
  Alive alive_;
};

class GatedProbes final : public runtime::ProbePort {
 public:
  GatedProbes(runtime::ProbePort& inner, Alive alive) : inner_(inner), alive_(std::move(alive)) {}
  runtime::GiveUp ask(runtime::ProbeQuestion question,
                      std::function<void(runtime::ProbeAnswer)> done) override {
    if (!*alive_) return {};
    return inner_.ask(std::move(question), while_alive(alive_, std::move(done)));
  }

 private:
  runtime::ProbePort& inner_;
  Alive alive_;
};

class GatedDial final : public node_link::DialPort {
 public:
  GatedDial(node_link::DialPort& inner, Alive alive) : inner_(inner), alive_(std::move(alive)) {}
  void dial(std::function<void(Result<door_actor>)> done) override {
    if (*alive_) inner_.dial(while_alive(alive_, std::move(done)));
  }

 private:
  node_link::DialPort& inner_;
  Alive alive_;
};

/// A machine whose containers write nothing: every reading ends at once.
class NoLogs final : public runtime::LogStore {
 public:
  std::unique_ptr<runtime::LogReading> open(runtime::LogRequest,
                                            std::function<void(runtime::LogBatch)> deliver) override {
    deliver({{}, true, {Errc::none, {}, {}}});
    return std::make_unique<Reading>();
  }

 private:
  class Reading final : public runtime::LogReading {
   public:
    void grant(std::uint64_t) override {}
    void add_container(ContainerId) override {}
    void finish() override {}
  };
};

}  // namespace cloudless::sim
