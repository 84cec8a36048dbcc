// The agent's door to whatever runs containers: containerd/ is the real one, simulated/ the simulator's.
// Every call returns at once and answers later through its Done, from any thread, exactly once, also when the
// runtime is away (UNAVAILABLE).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/domain/assignment.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/session.hpp"
#include "messages/domain/usage.hpp"

namespace cloudless::runtime {

template <class T>
using Done = std::function<void(Result<T>)>;

struct Nothing {};

/// What a replica needs of an image before it can start.
struct ImageRequest {
  std::string image;  ///< as the spec names it
  ImagePullPolicy policy = ImagePullPolicy::if_not_present;
  std::string digest;  ///< these bytes and no others; empty: whatever the tag stands for
  PullAccess access;
  bool operator==(const ImageRequest&) const = default;
};

struct PreparedImage {
  std::string digest;  ///< of what the name points at: an index or a manifest
};

/// "pulling, 31 of 80 MiB".
using ImageNews = std::function<void(std::string)>;

struct ContainerRequest {
  ContainerId container;
  Assignment assignment;
  std::uint32_t attempt = 1;
};

struct StartedContainer {
  std::uint32_t pid = 0;
  std::string address;  ///< IPv4, reachable from this node
  WallMillis started_at = 0;
  std::vector<PublishedPort> published_ports;
  std::string image_digest;  ///< what it is made of
};

struct ContainerExit {
  std::int32_t exit_code = 0;  ///< 128 + signal when killed
  WallMillis exited_at = 0;
  std::string reason;  ///< in words when there is more to say ("out of memory, limit 64 MiB")
};

/// A container of ours as the runtime sees it, recognised by its labels.
struct ObservedContainer {
  ContainerId container;
  ReplicaId replica;
  std::uint32_t attempt = 1;
  bool running = false;  ///< its process lives
  std::uint32_t pid = 0;
  std::string address;
  WallMillis started_at = 0;
  std::optional<ContainerExit>
      exit;  ///< it ended, and was not removed yet; absent with !running: it never started
  std::vector<PublishedPort> published_ports;
  std::string image_digest;  ///< what it is made of; empty: not known
};

/// Ids a container's id is made of: "<name, at most 40>-<uid>-<ordinal>-<attempt>", at most 76 characters,
/// unique on the node.
ContainerId container_id(const Assignment& assignment, std::uint32_t attempt);
/// What the ids of all of a replica's containers begin with.
std::string container_prefix(const ReplicaId& replica);

/// Nobody waits any more. May be called in any thread, and also when it has long ended; may be empty.
using GiveUp = std::function<void()>;

/// What is done inside a container for a client, as a stream of bytes both ways.
struct StreamRequest {
  ContainerId container;
  std::variant<ExecQuery, ForwardQuery, CopyQuery> query;
  std::uint64_t credit = 0;  ///< bytes of output that may come before more is granted
};

/// How a stream ended well.
struct StreamEnd {
  std::int32_t exit_code = 0;  ///< of a command
  bool timed_out = false;
  bool truncated = false;
};

/// One thing that happened to a stream; `end` comes once, last.
struct StreamNews {
  std::string output;  ///< at most 64 KiB
  bool is_stderr = false;
  bool last = false;        ///< a connection's other side sends no more
  std::uint64_t taken = 0;  ///< bytes of input that were passed on
  std::optional<Result<StreamEnd>> end;
};

/// A stream's near end. Its destructor gives the stream up: a command and what it started are killed. Any
/// thread, one at a time.
class RuntimeStream {
 public:
  virtual ~RuntimeStream() = default;
  /// The caller holds what is pushed and not yet taken to kSessionInputCredit.
  virtual void push(std::string bytes) = 0;
  virtual void end_input() = 0;
  virtual void grant(std::uint64_t bytes) = 0;
  virtual void resize(WindowSize window) = 0;
  virtual void signal(int number) = 0;
};

class RuntimePort {
 public:
  virtual ~RuntimePort() = default;
  /// The image is there afterwards. NOT_FOUND (no such image), UNAVAILABLE (registry or runtime away),
  /// PERMISSION_DENIED, FAILED_PRECONDITION (the node has another image under that name and may not pull).
  /// `news` hears how far a pull is, before the answer, from any thread; may be empty.
  virtual void prepare_image(ImageRequest request, ImageNews news, Done<PreparedImage> done) = 0;
  /// `start` will probably be asked for with the same: what takes time and runs nothing may be made
  /// beforehand, from the digest in the assignment. Answers nothing and may do nothing; `remove` takes it
  /// back, and so does a start from another digest.
  virtual void expect(ContainerRequest request) = 0;
  /// Creates and starts from the digest in the assignment, else from what the tag stands for on this node. A
  /// container of that id that is left from before is removed first. On failure nothing is left behind.
  /// FAILED_PRECONDITION with the reason when the command or the spec cannot be run.
  virtual void start(ContainerRequest request, Done<StartedContainer> done) = 0;
  /// Answers when the container's process has ended; at once if it has. NOT_FOUND if there is none.
  virtual void wait(ContainerId container, Done<ContainerExit> done) = 0;
  /// Sends a signal to the container's first process (SIGTERM) or to all (SIGKILL). NOT_FOUND if it does not
  /// run.
  virtual void signal(ContainerId container, int signal, Done<Nothing> done) = 0;
  /// Kills what is left, deletes task, container, snapshot and network; the log stays. Succeeds if there is
  /// nothing.
  virtual void remove(ContainerId container, Done<Nothing> done) = 0;
  /// Every container of ours on this node, running or not.
  virtual void list(Done<std::vector<ObservedContainer>> done) = 0;
  /// Runs a command in a running container, without input, and keeps 1 MiB of each output; the command and
  /// what it started are killed when its time is over, or when the returned function is called.
  virtual GiveUp exec(ContainerId container, ExecQuery query, Done<ExecResult> done) = 0;
  /// Opens a stream; its news come from any thread, in order. NOT_FOUND or FAILED_PRECONDITION in its end
  /// when the container does not run, or the command, port or path is not there.
  virtual std::unique_ptr<RuntimeStream> open_stream(StreamRequest request,
                                                     std::function<void(StreamNews)> tell) = 0;
  /// The log file of a container, whether or not it exists yet; empty if this runtime keeps none.
  virtual std::string log_path(const ContainerId& container) const = 0;
  /// Deletes log files of containers that are neither here nor in `keep`, once they are old or many
  /// (log_retention).
  virtual void forget_logs(const std::vector<ContainerId>& keep) = 0;
  /// Removes the volumes of replicas that are neither in `keep` nor have a container here. A replica whose
  /// start is asked for afterwards keeps its own.
  virtual void forget_volumes(const std::vector<ReplicaId>& keep) = 0;
  /// Puts these limits in force while the container runs; does nothing if they are. FAILED_PRECONDITION with
  /// the reason when the machine refuses (less memory than is in use): then the old ones stay. NOT_FOUND if
  /// it does not run.
  virtual void update_limits(ContainerId container, ResourceLimits limits, Done<Nothing> done) = 0;
  /// What every running container uses now, in one look at the kernel's counters: cheap, and also while the
  /// runtime itself is away.
  virtual void usage(Done<std::vector<ContainerUsage>> done) = 0;
  /// Succeeds when the runtime answers at all; cheap. UNAVAILABLE or DEADLINE_EXCEEDED while it is away.
  virtual void ping(Done<Nothing> done) = 0;
  /// Removes images that nobody uses when the disk fills. `keep`: what replicas of this node ask for.
  virtual void collect_images(std::vector<ImageRequest> keep) = 0;
};

}  // namespace cloudless::runtime
