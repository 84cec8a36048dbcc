#include "actors/runtime/containerd/containers.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <future>

#include "actors/runtime/containerd/leftovers.hpp"
#include "actors/runtime/containerd/oci_spec.hpp"
#include "containerd/runc_options.pb.h"

namespace cloudless::runtime {
namespace {

constexpr char kReplicaLabel[] = "cloudless.io/replica";
constexpr char kAttemptLabel[] = "cloudless.io/attempt";
constexpr char kNamespaceLabel[] = "cloudless.io/namespace";
constexpr char kCpuLabel[] = "cloudless.io/cpu-millicores";
constexpr char kGroupLabel[] = "cloudless.io/cgroup";
constexpr char kStorageLabel[] = "cloudless.io/storage-limit";
constexpr char kImageDigestLabel[] = "cloudless.io/image-digest";
constexpr char kSpecType[] = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
constexpr char kRuncOptionsType[] = "containerd.runc.v1.Options";
constexpr Millis kKillTimeout = 10000;
constexpr Millis kPingTimeout = 3000;

/// Of our own: two containerds with the same namespace and id must not meet there.
std::string runc_root(const ContainerdOptions& options) {
  return options.state_dir + "/runc";
}

bool gone(const Error& error) {
  return error.code == Errc::not_found;
}

/// Success, also when there was nothing.
template <class T>
Result<Nothing> done_or_gone(const Result<T>& result) {
  if (result || gone(result.error())) return Nothing{};
  return fail(result.error());
}

WallMillis millis(const google::protobuf::Timestamp& t) {
  return t.seconds() * 1000 + t.nanos() / 1000000;
}

std::string label_of(const containers_v1::Container& record, const char* key) {
  const auto found = record.labels().find(key);
  return found == record.labels().end() ? std::string{} : found->second;
}

GroupMember member_of(const containers_v1::Container& record) {
  const auto number = [&](const char* key) {
    const auto text = label_of(record, key);
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  };
  return {label_of(record, kNamespaceLabel), ReplicaId{label_of(record, kReplicaLabel)}, number(kCpuLabel),
          label_of(record, kGroupLabel), number(kStorageLabel)};
}

}  // namespace

Containers::Containers(Client& client, Images& images, LoggerKeeper& loggers, Volumes& volumes,
                       ReplicaNetwork& network, QuickMoves& moves, const ContainerdOptions& options)
    : client_(client),
      images_(images),
      loggers_(loggers),
      network_(network),
      accounts_(client, options),
      volumes_(volumes),
      moves_(moves),
      options_(options),
      groups_(CgroupTree{}, options.cgroup_parent, options.bounds, client.own_namespace()) {}

Result<Nothing> Containers::ensure_ready() {
  const std::lock_guard lock(mutex_);
  if (ready_) return Nothing{};
  namespaces_v1::CreateNamespaceRequest request;
  request.mutable_namespace_()->set_name(client_.own_namespace());
  auto created = client_.call(client_.namespaces(), &namespaces_v1::Namespaces::Stub::Create, request,
                              client_.scope("create namespace"));
  if (!created && created.error().code != Errc::already_exists) return fail(created.error());
  auto existing = records();
  if (!existing) return fail(existing.error());
  std::set<ContainerId> ours;
  std::map<ContainerId, NetworkGrant> granted;
  for (const auto& record : *existing) {
    const ContainerId id{record.id()};
    ours.insert(id);
    granted[id] = grant_of({record.labels().begin(), record.labels().end()});
    loggers_.watch(id);
    if (auto member = member_of(record); !member.group.empty()) groups_.enter(id, member);
  }
  // A logger without a container waits for the end of a pipe that somebody still holds.
  for (const auto& container : loggers_.at_work_except(ours)) end_forgotten(container);
  loggers_.finish_all_except(ours);
  if (auto network = network_.ensure_ready(granted); !network) return network;
  ready_ = true;
  return Nothing{};
}

Result<Nothing> Containers::ping() {
  namespaces_v1::GetNamespaceRequest request;
  request.set_name(client_.own_namespace());
  return done_or_gone(client_.call(client_.namespaces(), &namespaces_v1::Namespaces::Stub::Get, request,
                                   client_.scope("ask containerd", kPingTimeout)));
}

Result<StartedContainer> Containers::start(const ContainerRequest& request) {
  if (auto ready = ensure_ready(); !ready) return fail(ready.error());
  const auto image = images_.resolve(request.assignment.pod.image, request.assignment.image.digest);
  if (!image) return fail(image.error());
  const auto expected = find_expected(request, **image);
  if (!expected) return fail(expected.error());
  const auto& digest = (*image)->target.digest;
  const auto begin = [&]() -> Result<StartedContainer> {
    auto created = create(request, **image);
    return created ? start_created(request, *created, digest)
                   : Result<StartedContainer>(fail(created.error()));
  };
  auto started = *expected ? start_created(request, **expected, digest) : begin();
  // What was left from before is made anew, and what lost its first process or its shim while it waited;
  // never what may have run.
  const bool again = !started && (started.error().code == Errc::already_exists ||
                                  (*expected && !was_started(request.container)));
  if (again) {
    if (auto removed = remove(request.container); !removed) return fail(removed.error());
    started = begin();
  }
  if (!started) {
    if (auto removed = remove(request.container); !removed)
      spdlog::warn("container {} failed to start and could not be removed: {}", request.container.value,
                   removed.error().message);
  }
  return started;
}

std::shared_ptr<std::packaged_task<void()>> Containers::expect(ContainerRequest request) {
  auto expected = std::make_shared<Expected>();
  expected->request = std::move(request);
  const std::lock_guard lock(expected_mutex_);
  auto& place = expected_[expected->request.container];
  auto job = std::make_shared<std::packaged_task<void()>>([this, expected, before = place] {
    if (before) before->done.wait();
    const auto& asked = expected->request;
    const auto ready = ensure_ready();
    const auto image = images_.resolve(asked.assignment.pod.image, asked.assignment.image.digest);
    expected->created = !ready   ? Result<Created>(fail(ready.error()))
                        : !image ? fail(image.error())
                                 : create(asked, **image);
  });
  expected->done = job->get_future().share();
  place = std::move(expected);
  return job;
}

std::shared_ptr<Containers::Expected> Containers::take_expected(const ContainerId& container) {
  std::shared_ptr<Expected> expected;
  {
    const std::lock_guard lock(expected_mutex_);
    if (auto found = expected_.extract(container)) expected = std::move(found.mapped());
  }
  if (expected) expected->done.wait();
  return expected;
}

Result<std::optional<Containers::Created>> Containers::find_expected(const ContainerRequest& request,
                                                                     const ResolvedImage& image) {
  const auto expected = take_expected(request.container);
  if (!expected) return std::nullopt;
  auto same = request.assignment;
  same.image = expected->request.assignment.image;  // its digest is the image's, which is compared
  same.access = expected->request.assignment.access;
  if (expected->created && same == expected->request.assignment && same.image.digest == image.target.digest)
    return *expected->created;
  if (auto removed = remove(request.container); !removed) return fail(removed.error());
  return std::nullopt;
}

Result<Confinement> Containers::confine(const Assignment& assignment, const ResolvedImage& image) {
  const auto& pod = assignment.pod;
  const auto& user = image.config.user;
  auto accounts = needs_accounts(user, pod.security) ? accounts_.of(image) : ImageAccounts{};
  if (!accounts) return fail(accounts.error());
  auto gpus = devices_of(options_.gpus, assignment.gpus);
  if (!gpus) return fail(gpus.error());
  const auto facts = read_kernel_facts(pod, options_.policy, options_.socket);
  return runtime::confine(
      {pod, user, *accounts, options_.policy, facts, machine_architecture(), std::move(*gpus)});
}

Result<Containers::Created> Containers::create(const ContainerRequest& request, const ResolvedImage& image) {
  const auto& id = request.container;
  const auto moves = moves_.keep();
  const auto grant = network_.grant(request);
  if (!grant) return fail(grant.error());
  const auto plan = plan_volumes(request.assignment, options_.policy);
  if (!plan) return fail(plan.error());
  auto root = std::async(std::launch::async, [&] { return prepare_root(id, image); });
  auto confinement = confine(request.assignment, image);
  if (!confinement) return fail(confinement.error());
  SpecInput input;
  input.container = id;
  input.assignment = request.assignment;
  input.attempt = request.attempt;
  input.node = options_.node;
  input.containerd_namespace = client_.own_namespace();
  input.address = grant->address;
  input.network_namespace = network_.prepare(id);
  input.image = image.config;
  input.confinement = std::move(*confinement);
  input.mounts = network_.mounts(id);
  for (auto& mount : spec_mounts(*plan, volumes_.folder_of(plan->replica)))
    input.mounts.push_back(std::move(mount));
  const auto& a = request.assignment;
  input.cgroup = groups_.enter(
      id, {a.ns, a.replica, a.pod.requests.cpu_millicores, {}, a.limits.storage_bytes.value_or(0)});
  input.node_cpu_millicores = options_.bounds.cpu_millicores;
  input.node_has_gpus = !options_.gpus.each.empty();
  auto spec = make_spec(input);
  if (!spec) return fail(spec.error());
  const FileOwner owner{input.confinement.user.uid, input.confinement.user.gid};
  if (auto made = volumes_.make(*plan, owner); !made) return fail(made.error());
  const auto created_at = create_record(request, image, *spec, input.confinement.runtime_program, *grant);
  if (!created_at) return fail(created_at.error());
  const auto mounts = settle_root(id, image, root.get());
  if (!mounts) return fail(mounts.error());
  if (auto network = network_.finish(id); !network) return fail(network.error());
  auto pid = create_task(request, *mounts);
  if (!pid) return fail(pid.error());
  loggers_.watch(id);
  return Created{*pid, *created_at};
}

Result<StartedContainer> Containers::start_created(const ContainerRequest& request, const Created& created,
                                                   const std::string& digest) {
  auto attached = network_.attach(request, created.pid);
  if (!attached) return fail(attached.error());
  tasks_v1::StartRequest start;
  start.set_container_id(request.container.value);
  auto started =
      client_.call(client_.tasks(), &tasks_v1::Tasks::Stub::Start, start, client_.scope("start container"));
  if (!started) return fail(started.error());
  // The record's time, as list says it later: a restarted agent must not report another start.
  return StartedContainer{created.pid, attached->address, created.at, attached->ports, digest};
}

Result<WallMillis> Containers::create_record(const ContainerRequest& request, const ResolvedImage& image,
                                             const std::string& spec, const std::string& runtime_program,
                                             const NetworkGrant& grant) {
  const auto& a = request.assignment;
  containers_v1::CreateContainerRequest create;
  auto& record = *create.mutable_container();
  record.set_id(request.container.value);
  record.set_image(a.pod.image);
  record.set_snapshotter(options_.snapshotter);
  record.set_snapshot_key(request.container.value);
  auto& labels = *record.mutable_labels();
  labels[kReplicaLabel] = a.replica.value;
  labels[kAttemptLabel] = std::to_string(request.attempt);
  for (const auto& [key, value] : to_labels(grant)) labels[key] = value;
  labels[kImageDigestLabel] = image.target.digest;
  labels["cloudless.io/node"] = options_.node.value;
  labels[kNamespaceLabel] = a.ns;
  labels[kCpuLabel] = std::to_string(a.pod.requests.cpu_millicores);
  if (a.limits.storage_bytes) labels[kStorageLabel] = std::to_string(*a.limits.storage_bytes);
  labels[kGroupLabel] = groups_.group_of(request.container);
  labels["cloudless.io/workload"] = a.workload_name;
  labels["cloudless.io/workload-uid"] = a.workload.value;
  labels["cloudless.io/version"] = std::to_string(a.version);
  record.mutable_spec()->set_type_url(kSpecType);
  record.mutable_spec()->set_value(spec);
  record.mutable_runtime()->set_name(options_.runtime);
  containerd::runc::v1::Options runc;
  runc.set_binary_name(runtime_program.empty() ? options_.runtime_binary : runtime_program);
  runc.set_root(runc_root(options_));
  record.mutable_runtime()->mutable_options()->set_type_url(kRuncOptionsType);
  record.mutable_runtime()->mutable_options()->set_value(runc.SerializeAsString());
  auto created = client_.call(client_.containers(), &containers_v1::Containers::Stub::Create, create,
                              client_.scope("create container"));
  if (!created) return fail(created.error());
  return millis(created->container().created_at());
}

Result<Containers::Mounts> Containers::prepare_root(const ContainerId& container,
                                                    const ResolvedImage& image) {
  snapshots_v1::PrepareSnapshotRequest prepare;
  prepare.set_snapshotter(options_.snapshotter);
  prepare.set_key(container.value);
  prepare.set_parent(image.chain);
  auto mounts = client_.call(client_.snapshots(), &snapshots_v1::Snapshots::Stub::Prepare, prepare,
                             client_.scope("make the root file system"));
  if (!mounts) return fail(mounts.error());
  return std::move(*mounts->mutable_mounts());
}

Result<Containers::Mounts> Containers::settle_root(const ContainerId& container, const ResolvedImage& image,
                                                   Result<Mounts> prepared) {
  if (!prepared) return prepared;
  snapshots_v1::StatSnapshotRequest stat;
  stat.set_snapshotter(options_.snapshotter);
  stat.set_key(container.value);
  const auto there = client_.call(client_.snapshots(), &snapshots_v1::Snapshots::Stub::Stat, stat,
                                  client_.scope("look at the root file system"));
  if (there) return prepared;
  return gone(there.error()) ? prepare_root(container, image) : fail(there.error());
}

Result<std::uint32_t> Containers::create_task(const ContainerRequest& request, const Mounts& rootfs) {
  const auto& container = request.container;
  tasks_v1::CreateTaskRequest create;
  create.set_container_id(container.value);
  *create.mutable_rootfs() = rootfs;
  if (const auto limit = request.assignment.limits.storage_bytes)
    if (auto limited = limit_layer(container, *limit, create); !limited) return fail(limited.error());
  create.set_stdout(loggers_.uri(container));
  create.set_stderr(create.stdout());
  auto created = client_.call(client_.tasks(), &tasks_v1::Tasks::Stub::Create, create,
                              client_.scope("create container"));
  if (!created) return fail(created.error());
  return created->pid();
}

Result<Nothing> Containers::limit_layer(const ContainerId& container, std::int64_t bytes,
                                        tasks_v1::CreateTaskRequest& create) {
  for (auto& mount : *create.mutable_rootfs()) {
    auto options = volumes_.make_layer(container, bytes, {mount.options().begin(), mount.options().end()});
    if (!options) return fail(options.error());
    mount.mutable_options()->Assign(options->begin(), options->end());
  }
  return Nothing{};
}

Result<Nothing> Containers::signal(const ContainerId& container, int signal) {
  tasks_v1::KillRequest request;
  request.set_container_id(container.value);
  request.set_signal(static_cast<std::uint32_t>(signal));
  request.set_all(signal == SIGKILL);
  auto killed =
      client_.call(client_.tasks(), &tasks_v1::Tasks::Stub::Kill, request, client_.scope("signal container"));
  return killed ? Result<Nothing>(Nothing{}) : fail(killed.error());
}

/// Whatever containerd does not know of any more.
void Containers::end_forgotten(const ContainerId& container) {
  end_forgotten_shims(options_.socket, client_.own_namespace(), container);
  const auto group = groups_.own_group_of(container);
  group.empty() ? end_forgotten_writers(loggers_.logger_of(container), container)
                : end_forgotten_group(group);
  remove_forgotten_state(runc_root(options_), client_.own_namespace(), container);
}

Result<Nothing> Containers::delete_task(const ContainerId& container) {
  tasks_v1::DeleteTaskRequest request;
  request.set_container_id(container.value);
  const auto attempt = [&] {
    return client_.call(client_.tasks(), &tasks_v1::Tasks::Stub::Delete, request,
                        client_.scope("delete task"));
  };
  // A process that ended needs no more than this; a living one makes it fail.
  auto deleted = attempt();
  if (deleted || deleted.error().code == Errc::unavailable) return done_or_gone(deleted);
  if (gone(deleted.error())) {
    end_forgotten(container);
    return Nothing{};
  }
  if (auto killed = signal(container, SIGKILL); !killed && !gone(killed.error())) return killed;
  tasks_v1::WaitRequest wait;
  wait.set_container_id(container.value);
  client_.call(client_.tasks(), &tasks_v1::Tasks::Stub::Wait, wait,
               client_.scope("wait for container", kKillTimeout));
  deleted = attempt();
  return done_or_gone(deleted);
}

Result<Nothing> Containers::remove(const ContainerId& container) {
  take_expected(container);
  if (auto deleted = delete_task(container); !deleted) return deleted;
  if (auto detached = network_.detach(container); !detached) return detached;
  containers_v1::DeleteContainerRequest record;
  record.set_id(container.value);
  auto deleted = client_.call(client_.containers(), &containers_v1::Containers::Stub::Delete, record,
                              client_.scope("delete container"));
  if (!deleted && !gone(deleted.error())) return fail(deleted.error());
  snapshots_v1::RemoveSnapshotRequest snapshot;
  snapshot.set_snapshotter(options_.snapshotter);
  snapshot.set_key(container.value);
  auto removed = client_.call(client_.snapshots(), &snapshots_v1::Snapshots::Stub::Remove, snapshot,
                              client_.scope("remove the root file system"));
  if (!removed && !gone(removed.error())) return fail(removed.error());
  if (auto freed = volumes_.remove_layer(container); !freed) return freed;
  loggers_.release(container);
  groups_.leave(container);
  network_.release(container);
  return Nothing{};
}

void Containers::sweep_groups() {
  {
    const std::lock_guard lock(mutex_);
    if (!ready_) return;  // what runs has not entered its groups yet
  }
  groups_.sweep();
}

Result<std::vector<containers_v1::Container>> Containers::records() {
  auto reply = client_.call(client_.containers(), &containers_v1::Containers::Stub::List,
                            containers_v1::ListContainersRequest{}, client_.scope("list containers"));
  if (!reply) return fail(reply.error());
  return std::vector<containers_v1::Container>(reply->containers().begin(), reply->containers().end());
}

ContainerExit Containers::exit_of(const ContainerId& container, std::int32_t code, WallMillis at) const {
  ContainerExit exit{code, at, {}};
  const auto group = groups_.group_of(container);
  if (code != 0 && !group.empty()) exit.reason = groups_.tree().out_of_memory(group).value_or("");
  return exit;
}

/// An OCI runtime keeps a fifo for one that waits for its start, and a folder until it is deleted.
bool Containers::was_started(const ContainerId& container) const {
  const auto state = std::filesystem::path(runc_root(options_)) / client_.own_namespace() / container.value;
  std::error_code ignored;
  return std::filesystem::exists(state, ignored) && !std::filesystem::exists(state / "exec.fifo", ignored);
}

Result<std::vector<std::string>> Containers::image_digests() {
  const auto existing = records();
  if (!existing) return fail(existing.error());
  std::vector<std::string> out;
  for (const auto& record : *existing) out.push_back(label_of(record, kImageDigestLabel));
  return out;
}

Result<std::vector<ObservedContainer>> Containers::list() {
  if (auto ready = ensure_ready(); !ready) return fail(ready.error());
  // Tasks first: a task whose record is missing in a list made later has lost it.
  auto tasks = client_.call(client_.tasks(), &tasks_v1::Tasks::Stub::List, tasks_v1::ListTasksRequest{},
                            client_.scope("list tasks"));
  if (!tasks) return fail(tasks.error());
  auto existing = records();
  if (!existing) return fail(existing.error());
  network_.repair();
  std::map<std::string, const containerd::v1::types::Process*> by_id;
  for (const auto& task : tasks->tasks()) by_id[task.id()] = &task;

  std::vector<ObservedContainer> out;
  for (const auto& record : *existing) {
    const auto task = by_id.extract(record.id());
    ObservedContainer seen;
    seen.container = ContainerId{record.id()};
    seen.replica = ReplicaId{label_of(record, kReplicaLabel)};
    const auto attempt = label_of(record, kAttemptLabel);
    std::from_chars(attempt.data(), attempt.data() + attempt.size(), seen.attempt);
    auto network = network_.known(seen.container);
    seen.address = std::move(network.address);
    seen.published_ports = std::move(network.ports);
    seen.image_digest = label_of(record, kImageDigestLabel);
    seen.started_at = millis(record.created_at());
    if (!task.empty()) {
      const auto& process = *task.mapped();
      seen.pid = process.pid();
      seen.running = process.status() == containerd::v1::types::RUNNING ||
                     process.status() == containerd::v1::types::PAUSED ||
                     process.status() == containerd::v1::types::PAUSING;
      // Killed before its start, as when this process and containerd end at once, it has run nothing.
      const bool killed = process.exit_status() > 128;
      if (process.status() == containerd::v1::types::STOPPED && (!killed || was_started(seen.container)))
        seen.exit = exit_of(seen.container, static_cast<std::int32_t>(process.exit_status()),
                            millis(process.exited_at()));
    }
    if (!seen.replica.empty()) out.push_back(std::move(seen));
  }
  std::set<std::string> orphans;
  for (const auto& [id, task] : by_id) orphans.insert(id);
  if (!orphans.empty()) remove_orphans(orphans);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.container < b.container; });
  return out;
}

void Containers::remove_orphans(const std::set<std::string>& suspects) {
  // Records are deleted after their tasks: a suspect whose task is gone by now was only on its way out.
  const auto tasks = client_.call(client_.tasks(), &tasks_v1::Tasks::Stub::List, tasks_v1::ListTasksRequest{},
                                  client_.scope("list tasks"));
  if (!tasks) return;
  for (const auto& task : tasks->tasks()) {
    if (!suspects.contains(task.id())) continue;
    spdlog::warn("task {} lost its container record and is removed", task.id());
    // containerd reaches a task only through its container's record, so that is made again.
    containers_v1::CreateContainerRequest create;
    create.mutable_container()->set_id(task.id());
    create.mutable_container()->mutable_runtime()->set_name(options_.runtime);
    create.mutable_container()->mutable_spec()->set_type_url(kSpecType);
    create.mutable_container()->mutable_spec()->set_value("{}");
    const auto created = client_.call(client_.containers(), &containers_v1::Containers::Stub::Create, create,
                                      client_.scope("recreate container"));
    const auto removed = created ? remove(ContainerId{task.id()}) : Result<Nothing>(fail(created.error()));
    if (!removed) spdlog::warn("task {} could not be removed: {}", task.id(), removed.error().message);
  }
}

Result<Nothing> Containers::remove_everything() {
  auto seen = list();
  if (!seen) return fail(seen.error());
  for (const auto& container : *seen)
    if (auto removed = remove(container.container); !removed) return removed;
  return network_.remove_everything();
}

}  // namespace cloudless::runtime
