// One life of an agent process before its machine: passes calls on until it is closed, and answers, too. A
// crash closes it first, so that no actor of the dead process touches the machine while it is being killed.
#pragma once

#include <memory>

#include "actors/runtime/agent_disk.hpp"
#include "actors/runtime/probe_port.hpp"
#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

class Incarnation final : public RuntimePort, public AgentDisk, public ProbePort {
 public:
  Incarnation(RuntimePort& runtime, AgentDisk& disk, ProbePort& probes)
      : runtime_(runtime), disk_(disk), probes_(probes) {}

  /// From now on calls are dropped, and answers to earlier calls, too.
  void close() { *open_ = false; }

  void prepare_image(ImageRequest request, ImageNews news, Done<PreparedImage> done) override;
  void expect(ContainerRequest request) override;
  void start(ContainerRequest request, Done<StartedContainer> done) override;
  void wait(ContainerId container, Done<ContainerExit> done) override;
  void signal(ContainerId container, int signal, Done<Nothing> done) override;
  void remove(ContainerId container, Done<Nothing> done) override;
  void list(Done<std::vector<ObservedContainer>> done) override;
  GiveUp exec(ContainerId container, ExecQuery query, Done<ExecResult> done) override;
  /// nullptr when it is closed.
  std::unique_ptr<RuntimeStream> open_stream(StreamRequest request,
                                             std::function<void(StreamNews)> tell) override;
  std::string log_path(const ContainerId& container) const override;
  void forget_logs(const std::vector<ContainerId>& keep) override;
  void forget_volumes(const std::vector<ReplicaId>& keep) override;
  void update_limits(ContainerId container, ResourceLimits limits, Done<Nothing> done) override;
  void usage(Done<std::vector<ContainerUsage>> done) override;
  void ping(Done<Nothing> done) override;
  void collect_images(std::vector<ImageRequest> keep) override;
  void load(Done<std::string> done) override;
  void save(std::string bytes, Done<Nothing> done) override;
  GiveUp ask(ProbeQuestion question, std::function<void(ProbeAnswer)> done) override;

 private:
  template <class T>
  Done<T> while_open(Done<T> done) const {
    return [open = open_, done = std::move(done)](Result<T> result) {
      if (*open) done(std::move(result));
    };
  }

  RuntimePort& runtime_;
  AgentDisk& disk_;
  ProbePort& probes_;
  std::shared_ptr<bool> open_ = std::make_shared<bool>(true);
};

}  // namespace cloudless::runtime
