#include "actors/runtime/simulated/simulated_runtime.hpp"

#include <algorithm>
#include <utility>

#include "actors/runtime/simulated/simulated_stream.hpp"

namespace cloudless::runtime {
namespace {

constexpr int kTerm = 15;
constexpr int kKill = 9;
constexpr std::uint16_t kFirstChosenPort = 30000;

tl::unexpected<Error> away_error() {
  return fail(Errc::unavailable, "the container runtime is away");
}

tl::unexpected<Error> no_container(const ContainerId& id) {
  return fail(Errc::not_found, "there is no container " + id.value);
}

ExecResult run_command(const ExecQuery& query) {
  const std::string name = query.command.empty() ? "" : query.command.front();
  ExecResult out;
  if (name == "echo") {
    for (std::size_t i = 1; i < query.command.size(); ++i)
      out.stdout_data += (i > 1 ? " " : "") + query.command[i];
    out.stdout_data += "\n";
  } else if (name == "false") {
    out.exit_code = 1;
  } else if (name == "sleep") {
    out.timed_out = true;
    out.exit_code = 128 + kKill;
  } else if (name != "true" && name != "cat") {
    out.stderr_data = name + ": not found\n";
    out.exit_code = 127;
  }
  return out;
}

}  // namespace

SimulatedRuntime::SimulatedRuntime(SimulatedOptions options, Post post, const Clock& clock)
    : options_(std::move(options)), post_(std::move(post)), clock_(clock), random_(options_.seed) {
  if (!options_.registry) options_.registry = std::make_shared<SimulatedRegistry>(options_.seed);
}

Millis SimulatedRuntime::draw_delay() {
  const auto span = static_cast<std::uint64_t>(std::max<Millis>(0, options_.slowest - options_.fastest)) + 1;
  return options_.fastest + static_cast<Millis>(random_() % span);
}

bool SimulatedRuntime::draw_failure() {
  return random_() % 1'000'000 < options_.failure_ppm;
}

template <class T>
void SimulatedRuntime::answer(Millis takes, Done<T> done, std::function<Result<T>()> act) {
  const bool fails = draw_failure();
  const bool carried_out = !fails || random_() % 2 == 0;
  post_(takes + draw_delay(), [this, done = std::move(done), act = std::move(act), fails, carried_out] {
    if (away_) return done(away_error());
    if (!carried_out) return done(away_error());
    Result<T> result = act();
    done(fails ? Result<T>(away_error()) : std::move(result));
  });
}

void SimulatedRuntime::prepare_image(ImageRequest request, ImageNews, Done<PreparedImage> done) {
  answer<PreparedImage>(0, std::move(done), [this, request = std::move(request)] { return bring(request); });
}

Result<PreparedImage> SimulatedRuntime::bring(const ImageRequest& request) {
  const std::string& image = request.image;
  switch (behaviour_of_image(image)) {
    case Behaviour::Image::missing:
      return fail(Errc::not_found, "image " + image + " does not exist");
    case Behaviour::Image::unreachable:
      return fail(Errc::unavailable, "the registry of " + image + " does not answer");
    case Behaviour::Image::present:
      break;
  }
  if (!request.digest.empty()) {
    const bool here = here_.contains({image, request.digest});
    if (!here && request.policy == ImagePullPolicy::never)
      return fail(Errc::failed_precondition, "image " + image + " is here with another digest, if at all");
    if (!here && !options_.registry->has(image, request.digest))
      return fail(Errc::not_found, "the registry has no " + image + "@" + request.digest);
    here_.emplace(image, request.digest);
    return PreparedImage{request.digest};
  }
  auto tag = tags_.find(image);
  if (tag == tags_.end() || request.policy == ImagePullPolicy::always) {
    if (request.policy == ImagePullPolicy::never)
      return fail(Errc::not_found, "image " + image + " is not on this node, and the pull policy is NEVER");
    tag = tags_.insert_or_assign(image, options_.registry->resolve(image)).first;
    here_.emplace(image, tag->second);
  }
  return PreparedImage{tag->second};
}

void SimulatedRuntime::expect(ContainerRequest request) {
  expected_.insert(std::move(request.container));
}

void SimulatedRuntime::start(ContainerRequest request, Done<StartedContainer> done) {
  if (away_) return answer<StartedContainer>(0, std::move(done), [] { return away_error(); });
  expected_.erase(request.container);
  // The record is made at once and the process comes later, so that a crash in between leaves what containerd
  // would leave.
  Container container;
  container.behaviour = behaviour_of(request.assignment.pod);
  container.ports = request.assignment.pod.ports;
  container.host_network = request.assignment.pod.host_network;
  container.limits = request.assignment.limits;
  container.serial = ++serials_;
  container.seen.container = request.container;
  container.seen.replica = request.assignment.replica;
  container.seen.attempt = request.attempt;
  const Template& pod = request.assignment.pod;
  if (!pod.volumes.empty() || !pod.config_files.empty()) volumes_.insert(request.assignment.replica);
  container.seen.image_digest = request.assignment.image.digest;
  if (const auto tag = tags_.find(pod.image); container.seen.image_digest.empty() && tag != tags_.end())
    container.seen.image_digest = tag->second;
  container.has_image = here_.contains({pod.image, container.seen.image_digest});
  const Millis takes = container.behaviour.start_takes;
  const std::uint64_t serial = container.serial;
  if (auto old = containers_.extract(request.container))
    answer_waiting(old.mapped(), no_container(request.container));
  containers_[request.container] = std::move(container);
  answer<StartedContainer>(takes, std::move(done),
                           [this, id = request.container, serial] { return finish_start(id, serial); });
}

SimulatedRuntime::Container* SimulatedRuntime::live(const ContainerId& id, std::uint64_t serial) {
  auto found = containers_.find(id);
  return found != containers_.end() && found->second.serial == serial ? &found->second : nullptr;
}

Result<StartedContainer> SimulatedRuntime::finish_start(const ContainerId& id, std::uint64_t serial) {
  Container* container = live(id, serial);
  if (!container)
    return fail(Errc::unavailable, "container " + id.value + " was removed while it was being started");
  if (container->behaviour.broken) {
    containers_.erase(id);
    return fail(Errc::failed_precondition, "the command of " + id.value + " cannot be run: no such file");
  }
  if (!container->has_image) {
    containers_.erase(id);
    return fail(Errc::not_found, "the image of " + id.value + " is not on this machine");
  }
  auto ports = publish(*container);
  if (!ports) {
    containers_.erase(id);
    return fail(ports.error());
  }
  ++starts_;
  ObservedContainer& seen = container->seen;
  seen.published_ports = std::move(*ports);
  seen.running = true;
  seen.pid = static_cast<std::uint32_t>(1000 + serial);
  seen.address = options_.network + "." + std::to_string(2 + serial % 250);
  seen.started_at = clock_.wall();
  container->started = clock_.steady();
  most_at_once_ = std::max(most_at_once_, running(seen.replica));
  if (container->behaviour.exit_code)
    post_(container->behaviour.exit_after,
          [this, id, serial, code = *container->behaviour.exit_code] { end_serial(id, serial, code, {}); });
  return StartedContainer{seen.pid, seen.address, seen.started_at, seen.published_ports, seen.image_digest};
}

Result<std::vector<PublishedPort>> SimulatedRuntime::publish(const Container& container) const {
  std::map<std::pair<Protocol, std::uint16_t>, ContainerId> taken;
  for (const auto& [id, other] : containers_)
    for (const auto& port : other.seen.published_ports) taken[{port.protocol, port.host_port}] = id;
  std::vector<PublishedPort> out;
  for (const auto& port : container.ports) {
    if (!container.host_network && !port.host_port) continue;
    std::uint16_t number = container.host_network ? port.container_port : *port.host_port;
    if (number == 0)
      for (number = kFirstChosenPort; taken.contains({port.protocol, number}); ++number) continue;
    const auto [other, free] = taken.emplace(std::pair(port.protocol, number), container.seen.container);
    if (!free)
      return fail(Errc::failed_precondition, "port " + std::to_string(number) +
                                                 " of the node is published already, for container " +
                                                 other->second.value);
    out.push_back({port.name, port.protocol, port.container_port, number});
  }
  return out;
}

void SimulatedRuntime::answer_waiting(Container& container, const Result<ContainerExit>& result) {
  for (auto& done : std::exchange(container.waiting, {}))
    post_(draw_delay(), [done = std::move(done), result] { done(result); });
}

void SimulatedRuntime::end_serial(const ContainerId& id, std::uint64_t serial, std::int32_t code,
                                  std::string reason) {
  Container* container = live(id, serial);
  if (!container || !container->seen.running) return;
  container->seen.running = false;
  container->seen.exit = ContainerExit{code, clock_.wall(), std::move(reason)};
  if (!away_) answer_waiting(*container, *container->seen.exit);
}

void SimulatedRuntime::wait(ContainerId container, Done<ContainerExit> done) {
  if (away_) return answer<ContainerExit>(0, std::move(done), [] { return away_error(); });
  auto found = containers_.find(container);
  if (found == containers_.end())
    return answer<ContainerExit>(0, std::move(done), [container] { return no_container(container); });
  if (!found->second.seen.running && !found->second.seen.exit)
    return answer<ContainerExit>(0, std::move(done), [container] { return no_container(container); });
  found->second.waiting.push_back(std::move(done));
  if (found->second.seen.exit) answer_waiting(found->second, *found->second.seen.exit);
}

Result<Nothing> SimulatedRuntime::deliver(const ContainerId& id, int signal) {
  auto found = containers_.find(id);
  if (found == containers_.end() || !found->second.seen.running) return no_container(id);
  const Behaviour& behaviour = found->second.behaviour;
  if (signal == kTerm && behaviour.ignores_term) return Nothing{};
  post_(signal == kTerm ? behaviour.term_takes : 0,
        [this, id, serial = found->second.serial, signal] { end_serial(id, serial, 128 + signal, {}); });
  return Nothing{};
}

void SimulatedRuntime::signal(ContainerId container, int signal, Done<Nothing> done) {
  answer<Nothing>(0, std::move(done), [this, container, signal] { return deliver(container, signal); });
}

void SimulatedRuntime::remove(ContainerId container, Done<Nothing> done) {
  answer<Nothing>(0, std::move(done), [this, container]() -> Result<Nothing> {
    expected_.erase(container);
    if (auto old = containers_.extract(container)) answer_waiting(old.mapped(), no_container(container));
    return Nothing{};
  });
}

void SimulatedRuntime::list(Done<std::vector<ObservedContainer>> done) {
  answer<std::vector<ObservedContainer>>(0, std::move(done), [this] { return containers(); });
}

GiveUp SimulatedRuntime::exec(ContainerId container, ExecQuery query, Done<ExecResult> done) {
  const bool hangs = !query.command.empty() && query.command.front() == "sleep";
  answer<ExecResult>(
      hangs ? query.timeout : 0, std::move(done), [this, container, query]() -> Result<ExecResult> {
        auto found = containers_.find(container);
        if (found == containers_.end()) return no_container(container);
        if (!found->second.seen.running)
          return fail(Errc::failed_precondition, "container " + container.value + " does not run");
        return run_command(query);
      });
  return {};
}

std::unique_ptr<RuntimeStream> SimulatedRuntime::open_stream(StreamRequest request,
                                                             std::function<void(StreamNews)> tell) {
  auto stream = std::make_shared<SimulatedStream>(request.credit, std::move(tell));
  post_(draw_delay(), [this, stream, request = std::move(request)] {
    const auto found = containers_.find(request.container);
    if (away_) return stream->fail_with(away_error().value());
    if (found == containers_.end()) return stream->fail_with(no_container(request.container).value());
    if (!found->second.seen.running)
      return stream->fail_with(
          {Errc::failed_precondition, "container " + request.container.value + " does not run", {}});
    const auto* exec = std::get_if<ExecQuery>(&request.query);
    const std::string name = exec != nullptr && !exec->command.empty() ? exec->command.front() : "";
    if (exec == nullptr || (exec->has_input && (name == "cat" || name == "sh"))) return stream->begin_echo();
    if (name != "sleep") return stream->finish(run_command(*exec));
    if (exec->timeout > 0)
      post_(exec->timeout, [stream, exec = *exec] { stream->finish(run_command(exec)); });
  });
  return near_end(std::move(stream));
}

std::string SimulatedRuntime::log_path(const ContainerId&) const {
  return {};
}
void SimulatedRuntime::forget_logs(const std::vector<ContainerId>&) {}
void SimulatedRuntime::collect_images(std::vector<ImageRequest>) {}

void SimulatedRuntime::forget_volumes(const std::vector<ReplicaId>& keep) {
  if (away_) return;
  std::set<ReplicaId> stay(keep.begin(), keep.end());
  for (const auto& [id, container] : containers_) stay.insert(container.seen.replica);
  std::erase_if(volumes_, [&](const ReplicaId& replica) { return !stay.contains(replica); });
}

void SimulatedRuntime::update_limits(ContainerId container, ResourceLimits limits, Done<Nothing> done) {
  answer<Nothing>(0, std::move(done), [this, container, limits]() -> Result<Nothing> {
    auto found = containers_.find(container);
    if (found == containers_.end() || !found->second.seen.running) return no_container(container);
    if (limits.memory_bytes && *limits.memory_bytes < found->second.behaviour.memory_in_use)
      return fail(Errc::failed_precondition, "the memory limit is below what is in use");
    found->second.limits = limits;
    return Nothing{};
  });
}

void SimulatedRuntime::usage(Done<std::vector<ContainerUsage>> done) {
  post_(0, [this, done = std::move(done)] {
    std::vector<ContainerUsage> out;
    for (const auto& [id, container] : containers_) {
      if (!container.seen.running) continue;
      // A tenth of a core since its start.
      const auto lived =
          static_cast<std::uint64_t>(std::max<Millis>(0, clock_.wall() - container.seen.started_at));
      out.push_back({id,
                     container.seen.replica,
                     {lived * 100'000, lived, lived, 0, lived},
                     static_cast<std::uint64_t>(container.behaviour.memory_in_use),
                     1});
    }
    done(std::move(out));
  });
}

void SimulatedRuntime::ping(Done<Nothing> done) {
  post_(0, [this, done = std::move(done)] { done(away_ ? Result<Nothing>(away_error()) : Nothing{}); });
}

void SimulatedRuntime::set_away(bool away) {
  if (std::exchange(away_, away) == away || !away) return;
  for (auto& [id, container] : containers_) answer_waiting(container, away_error());
}

void SimulatedRuntime::end(const ContainerId& container, std::int32_t exit_code, std::string reason) {
  auto found = containers_.find(container);
  if (found != containers_.end()) end_serial(container, found->second.serial, exit_code, std::move(reason));
}

void SimulatedRuntime::lose(const ContainerId& container) {
  if (auto old = containers_.extract(container)) answer_waiting(old.mapped(), no_container(container));
}

void SimulatedRuntime::reboot() {
  for (auto& [id, container] : containers_) {
    container.seen.running = false;
    container.seen.exit.reset();
    container.serial = ++serials_;
    answer_waiting(container, no_container(id));
  }
}

std::optional<SimulatedRuntime::Sight> SimulatedRuntime::look_at(const ContainerId& container) const {
  const auto found = containers_.find(container);
  if (found == containers_.end() || !found->second.seen.running) return std::nullopt;
  return Sight{found->second.behaviour, clock_.steady() - found->second.started};
}

std::vector<ObservedContainer> SimulatedRuntime::containers() const {
  std::vector<ObservedContainer> out;
  for (const auto& [id, container] : containers_) out.push_back(container.seen);
  return out;
}

std::size_t SimulatedRuntime::running(const ReplicaId& replica) const {
  return static_cast<std::size_t>(std::count_if(
      containers_.begin(), containers_.end(),
      [&](const auto& entry) { return entry.second.seen.replica == replica && entry.second.seen.running; }));
}

std::optional<ResourceLimits> SimulatedRuntime::limits(const ContainerId& container) const {
  const auto found = containers_.find(container);
  return found != containers_.end() && found->second.seen.running ? std::optional(found->second.limits)
                                                                  : std::nullopt;
}

}  // namespace cloudless::runtime
