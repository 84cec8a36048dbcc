// A machine that runs containers, simulated: behind the same port as containerd, in virtual time, with seeded
// delays and failures. This object is the machine: it outlives crashes of the agent, whose late answers fall
// on deaf ears.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "actors/runtime/runtime_port.hpp"
#include "actors/runtime/simulated/behaviour.hpp"
#include "actors/runtime/simulated/post.hpp"
#include "actors/runtime/simulated/simulated_registry.hpp"

namespace cloudless::runtime {

struct SimulatedOptions {
  std::uint64_t seed = 1;
  Millis fastest = 1;   ///< every answer takes from this
  Millis slowest = 20;  ///< to this long, drawn from the seed
  std::uint32_t failure_ppm =
      0;  ///< share of calls answered UNAVAILABLE, half of them carried out nevertheless
  std::string network = "10.88.0";              ///< first three parts of addresses
  std::shared_ptr<SimulatedRegistry> registry;  ///< where images come from; absent: one of its own
};

class SimulatedRuntime final : public RuntimePort {
 public:
  SimulatedRuntime(SimulatedOptions options, Post post, const Clock& clock);

  void prepare_image(ImageRequest request, ImageNews news, Done<PreparedImage> done) override;
  void expect(ContainerRequest request) override;
  void start(ContainerRequest request, Done<StartedContainer> done) override;
  void wait(ContainerId container, Done<ContainerExit> done) override;
  void signal(ContainerId container, int signal, Done<Nothing> done) override;
  void remove(ContainerId container, Done<Nothing> done) override;
  void list(Done<std::vector<ObservedContainer>> done) override;
  GiveUp exec(ContainerId container, ExecQuery query, Done<ExecResult> done) override;
  std::unique_ptr<RuntimeStream> open_stream(StreamRequest request,
                                             std::function<void(StreamNews)> tell) override;
  std::string log_path(const ContainerId& container) const override;
  void forget_logs(const std::vector<ContainerId>& keep) override;
  void forget_volumes(const std::vector<ReplicaId>& keep) override;
  void update_limits(ContainerId container, ResourceLimits limits, Done<Nothing> done) override;
  void usage(Done<std::vector<ContainerUsage>> done) override;
  void ping(Done<Nothing> done) override;
  void collect_images(std::vector<ImageRequest> keep) override;

  // What befalls a machine.
  /// The runtime daemon goes away (every call and wait is answered UNAVAILABLE; containers live on) or comes
  /// back.
  void set_away(bool away);
  void set_failure_ppm(std::uint32_t ppm) { options_.failure_ppm = ppm; }
  /// The container's process ends by itself.
  void end(const ContainerId& container, std::int32_t exit_code, std::string reason = {});
  /// The container disappears with all that is known of it.
  void lose(const ContainerId& container);
  /// Power is cut and comes back: every process is gone, and so are the exit codes; the containers' records
  /// stay.
  void reboot();

  // What an observer of the machine sees.
  struct Sight {
    Behaviour behaviour;
    Millis runs_for = 0;
  };
  /// Absent: it does not run.
  std::optional<Sight> look_at(const ContainerId& container) const;
  bool away() const { return away_; }
  std::vector<ObservedContainer> containers() const;
  std::size_t running(const ReplicaId& replica) const;
  /// Containers that are expected and were neither started nor removed. A crash of the agent ends this.
  const std::set<ContainerId>& expected() const { return expected_; }
  /// Replicas whose volumes are on the machine.
  const std::set<ReplicaId>& volumes() const { return volumes_; }
  /// In force in a container that runs.
  std::optional<ResourceLimits> limits(const ContainerId& container) const;
  /// Successful starts so far.
  std::uint64_t starts() const { return starts_; }
  /// The greatest number of containers of one replica that ever ran at once.
  std::size_t most_at_once() const { return most_at_once_; }

 private:
  struct Container {
    ObservedContainer seen;
    Behaviour behaviour;
    std::vector<Port> ports;  ///< as the assignment says
    bool host_network = false;
    ResourceLimits limits;
    bool has_image = true;
    Millis started = 0;        ///< steady
    std::uint64_t serial = 0;  ///< tells a container from a later one of the same id
    std::vector<Done<ContainerExit>> waiting;
  };

  /// The image is on this machine afterwards.
  Result<PreparedImage> bring(const ImageRequest& request);
  /// Answers after `takes` and a seeded delay with what `act` returns then; sometimes with UNAVAILABLE
  /// instead.
  template <class T>
  void answer(Millis takes, Done<T> done, std::function<Result<T>()> act);
  Result<StartedContainer> finish_start(const ContainerId& id, std::uint64_t serial);
  /// The ports that a container gets on the machine; FAILED_PRECONDITION when another one has one of them.
  Result<std::vector<PublishedPort>> publish(const Container& container) const;
  Result<Nothing> deliver(const ContainerId& id, int signal);
  Container* live(const ContainerId& id, std::uint64_t serial);
  void end_serial(const ContainerId& id, std::uint64_t serial, std::int32_t code, std::string reason);
  void answer_waiting(Container& container, const Result<ContainerExit>& result);
  Millis draw_delay();
  bool draw_failure();

  SimulatedOptions options_;
  Post post_;
  const Clock& clock_;
  std::mt19937_64 random_;
  bool away_ = false;
  std::uint64_t serials_ = 0;
  std::uint64_t starts_ = 0;
  std::size_t most_at_once_ = 0;
  std::map<ContainerId, Container> containers_;
  std::set<ReplicaId> volumes_;
  std::set<ContainerId> expected_;
  std::map<std::string, std::string> tags_;             // of this machine: what they stood for when they came
  std::set<std::pair<std::string, std::string>> here_;  // images by name and digest
};

}  // namespace cloudless::runtime
