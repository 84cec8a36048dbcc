// Volumes, files and storage limits in real containers: what a container sees is printed by itself, and what
// is left on the node is counted.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/quota.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/runtime_node.hpp"

namespace {

using namespace cloudless;
using namespace cloudless::runtime;
using namespace cloudless::test;
namespace fs = std::filesystem;

constexpr std::int64_t kMiB = 1 << 20;

std::size_t mounts_below(const std::string& folder) {
  std::ifstream in("/proc/self/mounts");
  std::size_t count = 0;
  for (std::string device, target, rest; in >> device >> target && std::getline(in, rest);)
    if (target.starts_with(folder + "/")) ++count;
  return count;
}

std::size_t loops_of(const std::string& folder) {
  std::size_t count = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/sys/block", ignored)) {
    std::string file;
    std::getline(std::ifstream(entry.path() / "loop/backing_file"), file);
    if (file.starts_with(folder + "/")) ++count;
  }
  return count;
}

std::vector<std::string> names_below(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code ignored;
  fs::recursive_directory_iterator entry(folder, ignored), end;
  for (; !ignored && entry != end; entry.increment(ignored))
    out.push_back(entry->path().string().substr(folder.size()));
  return out;
}

/// Nothing of any replica is on the node: no file, no mount, no loop device.
bool holds_nothing(const RuntimeNode& node) {
  // A name that could not be followed was on its way out: looked at again.
  for (const auto& name : names_below(node.options.volume_dir))
    if (name != "/.trash" && name != "/.layers") return false;
  return mounts_below(node.options.volume_dir) == 0 && loops_of(node.options.volume_dir) == 0;
}

/// A request whose container runs a script to its end.
ContainerRequest script_of(const RuntimeNode& node, const std::string& name, const std::string& script,
                           std::uint32_t attempt = 1) {
  auto request = node.request(name, {"/bin/sh", "-c", script});
  request.attempt = attempt;
  return request;
}

/// Runs a container to its end, removes it, and returns what it printed.
std::string run_to_end(RuntimeNode& node, const std::string& name, const ContainerRequest& request) {
  fs::remove(node.log_file(name));
  REQUIRE_OK(node.start(request));
  REQUIRE_OK(node.wait(name));
  REQUIRE_OK(node.remove(name));
  // The logger drains what the container left in its pipe.
  CHECK(eventually([&] { return node.printed(name).find("end\n") != std::string::npos; }));
  return node.printed(name);
}

TEST_CASE("a container sees its volumes and files as its spec says, with modes and owner") {
  RuntimeNode node("volumes");
  auto request = script_of(node, "a",
                           "cat /etc/app/app.conf; stat -c '%a %u:%g' /etc/app/app.conf /key /data /memory; "
                           "touch /data/new && echo written; touch /fixed/new 2>/dev/null || echo fixed; "
                           "echo x 2>/dev/null >>/key || echo key fixed; "
                           "grep -c ' /memory tmpfs .*size=2048k' /proc/mounts; "
                           "grep -c ' /data .*nosuid,nodev' /proc/mounts; "
                           "dd if=/dev/zero of=/memory/big bs=64k 2>&1 | head -1; wc -c </memory/big; "
                           "cat /data/nested.conf; echo end");
  auto& pod = request.assignment.pod;
  pod.volumes = {{"data", "/data", false, EmptyDir{}},
                 {"fixed", "/fixed", true, EmptyDir{}},
                 {"memory", "/memory", false, EmptyDir{2 * kMiB, true}}};
  pod.config_files = {
      {"/etc/app/app.conf", "hello\n", 0640}, {"/key", "k", 0400}, {"/data/nested.conf", "n\n"}};
  CHECK(run_to_end(node, "a", request) ==
        "hello\n640 0:0\n400 0:0\n777 0:0\n777 0:0\nwritten\nfixed\nkey fixed\n1\n1\n"
        "dd: error writing '/memory/big': No space left on device\n2097152\nn\nend\n");
  CHECK(node.traces("a") == "");
  node.port->forget_volumes({});
  CHECK(eventually([&] { return holds_nothing(node); }));
}

TEST_CASE("replicas share nothing, and what one wrote is there after a restart in place, also of the agent") {
  RuntimeNode node("isolated");
  const auto with = [&](const std::string& name, const std::string& script, std::uint32_t attempt) {
    auto request = script_of(node, name, script + "; echo end", attempt);
    request.assignment.pod.volumes = {{"disk", "/disk", false, EmptyDir{}},
                                      {"memory", "/memory", false, EmptyDir{0, true}}};
    return request;
  };
  CHECK(run_to_end(node, "a", with("a", "echo of a >/disk/f; echo too >/memory/f", 1)) == "end\n");
  CHECK(run_to_end(node, "b", with("b", "ls /disk /memory", 1)) == "/disk:\n\n/memory:\nend\n");
  node.open();
  CHECK(run_to_end(node, "a", with("a", "cat /disk/f /memory/f", 2)) == "of a\ntoo\nend\n");
  SUBCASE("volumes of replicas that are named stay, the others go") {
    node.port->forget_volumes({ReplicaId{"a"}});
    CHECK(eventually([&] { return !fs::exists(node.options.volume_dir + "/b"); }));
    CHECK(run_to_end(node, "a", with("a", "cat /disk/f /memory/f", 3)) == "of a\ntoo\nend\n");
  }
  SUBCASE("volumes of a replica that has a container stay, whoever is named") {
    REQUIRE_OK(node.start(with("a", "sleep 100000", 3)));
    node.port->forget_volumes({});
    CHECK(eventually([&] { return !fs::exists(node.options.volume_dir + "/b"); }));
    const auto seen = node.exec("a", {"cat", "/disk/f", "/memory/f"});
    REQUIRE_OK(seen);
    CHECK(seen->stdout_data == "of a\ntoo\n");
    REQUIRE_OK(node.remove("a"));
  }
  node.port->forget_volumes({});
  CHECK(eventually([&] { return holds_nothing(node); }));
}

TEST_CASE("a host path is what the node allows, and no link leads out of it") {
  RuntimeNode node("host");
  const auto shared = node.machine.folder() + "/shared", secret = node.machine.folder() + "/secret";
  fs::create_directories(shared + "/data");
  fs::create_directories(shared + "/fixed");
  fs::create_directories(secret);
  std::ofstream(secret + "/password") << "secret\n";
  std::ofstream(shared + "/fixed/file") << "fixed\n";
  fs::create_symlink("data", shared + "/link");
  fs::create_symlink(secret, shared + "/escape");
  fs::create_symlink("../secret", shared + "/relative");
  node.options.policy.host_paths = {{shared, kReadWrite}, {shared + "/fixed", kReadOnly}};
  node.open();
  const auto with = [&](const std::string& path, bool read_only, const std::string& script) {
    auto request = script_of(node, "a", script + "; echo end");
    request.assignment.pod.volumes = {{"host", "/host", read_only, HostPath{path}}};
    return request;
  };
  CHECK(run_to_end(node, "a", with(shared + "/link", false, "echo from inside >/host/out; echo $?")) ==
        "0\nend\n");
  CHECK(fs::exists(shared + "/data/out"));
  CHECK(run_to_end(node, "a",
                   with(shared + "/fixed", true, "cat /host/file; touch /host/x 2>/dev/null || echo no")) ==
        "fixed\nno\nend\n");
  CHECK(run_to_end(node, "a", with(shared + "/fixed/file", true, "cat /host")) == "fixed\nend\n");
  const struct {
    std::string path;
    bool read_only;
    const char* reason;
  } refused[] = {
      {shared + "/fixed", false, "read-only (policy.host_paths"},
      {secret, true, "does not allow host path"},
      {shared + "/escape", true, "by a symbolic link"},
      {shared + "/escape/password", true, "by a symbolic link"},
      {shared + "/relative", true, "by a symbolic link"},
      {shared + "/none", true, "does not exist on this node"},
  };
  for (const auto& c : refused) {
    CAPTURE(c.path);
    const auto started = node.start(with(c.path, c.read_only, "sleep 100000"));
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().code == Errc::failed_precondition);
    CHECK_MESSAGE(started.error().message.find(c.reason) != std::string::npos, started.error().message);
    CHECK(node.traces("a") == "");
  }
  node.port->forget_volumes({});
  CHECK(eventually([&] { return holds_nothing(node); }));
  CHECK(fs::exists(shared + "/data/out"));
  CHECK(fs::exists(shared + "/fixed/file"));
}

/// Fills a volume and the writable layer until the disk says no, counts what fitted, and does it again.
constexpr char kFill[] =
    "fill() { dd if=/dev/zero of=$1 bs=64k count=2000 2>&1 | grep -o 'No space left on device\\|Disk quota "
    "exceeded'; }; "
    "fill /data/big; [ $(stat -c %s /data/big) -le 16777216 ] && [ $(stat -c %s /data/big) -ge 8388608 ] && "
    "echo data; "
    "fill /big; [ $(stat -c %s /big) -le 16777216 ] && [ $(stat -c %s /big) -ge 8388608 ] && echo layer; "
    "dd if=/dev/zero of=/free/big bs=64k count=512 2>/dev/null && stat -c %s /free/big; "
    "rm /big && echo x >/small && cat /small /bin/../entry.sh; ";

ContainerRequest limited_request(const RuntimeNode& node, const std::string& script,
                                 std::uint32_t attempt = 1) {
  auto request = script_of(node, "a", script + "echo end", attempt);
  auto& pod = request.assignment.pod;
  request.assignment.limits.storage_bytes = 16 * kMiB;
  pod.volumes = {{"data", "/data", false, EmptyDir{16 * kMiB, false}}, {"free", "/free", false, EmptyDir{}}};
  return request;
}

void check_limits(RuntimeNode& node, const std::string& refusal) {
  CHECK(run_to_end(node, "a", limited_request(node, kFill)) ==
        refusal + "\ndata\n" + refusal + "\nlayer\n33554432\nx\nexec sleep 100000\nend\n");
  // The volume is kept by a restart in place, the writable layer is a new one.
  CHECK(run_to_end(node, "a",
                   limited_request(
                       node, "ls -d /small /data/big 2>/dev/null; rm /data/big; df /data | wc -l; ", 2)) ==
        "/data/big\n2\nend\n");
  node.port->forget_volumes({});
  CHECK(eventually([&] { return holds_nothing(node); }));
}

TEST_CASE("storage limits hold by an image file where there are no quotas, and leave nothing") {
  RuntimeNode node("images");
  node.options.volume_limits = DiskLimitMeans::image;
  node.open();
  check_limits(node, "No space left on device");
}

/// A file system with project quotas in force; not made where the kernel has none or the tool is missing.
struct QuotaDisk {
  QuotaDisk(std::string at, const std::string& kind) : path(std::move(at)) {
    fs::create_directories(path);
    const auto image = path + ".img";
    std::ofstream(image).close();
    fs::resize_file(image, 400 << 20);  // xfs wants 300 MiB at least
    std::vector<std::string> make = {"mkfs.xfs", "-q", "-f", image};
    if (kind == "ext4")
      make = {"mkfs.ext4", "-q", "-F", "-O", "project,quota", "-E", "quotatype=prjquota", image};
    made = run(make).exit_code == 0 && run({"mount", "-o", "loop,prjquota", image, path}).exit_code == 0;
  }
  ~QuotaDisk() { ::umount2(path.c_str(), MNT_DETACH); }

  /// Projects that have a limit.
  std::size_t limits() const {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    std::size_t count = 0;
    struct fs_disk_quota quota {};
    for (std::uint32_t id = 1;
         ::syscall(SYS_quotactl_fd, fd, QCMD(Q_XGETNEXTQUOTA, PRJQUOTA), id, &quota) == 0;
         id = quota.d_id + 1)
      if (quota.d_blk_hardlimit != 0) ++count;
    ::close(fd);
    return count;
  }

  std::string path;
  bool made = false;
};

TEST_CASE("storage limits hold by project quotas where the kernel has them") {
  RuntimeNode node("quotas");
  for (const auto& [kind, refusal] :
       {std::pair("ext4", "Disk quota exceeded"), std::pair("xfs", "No space left on device")}) {
    CAPTURE(std::string(kind));
    const QuotaDisk disk(node.machine.folder() + "/quotas-" + kind, kind);
    if (!disk.made) {
      MESSAGE("no project quotas on " << std::string(kind)
                                      << " here (the kernel's, or mkfs): not tested on this machine");
      continue;
    }
    node.options.volume_dir = disk.path + "/volumes";
    node.open();
    REQUIRE_OK(node.start(limited_request(node, "sleep 100000; ")));
    CHECK(disk.limits() == 2);
    REQUIRE_OK(node.remove("a"));
    CHECK(disk.limits() == 1);
    check_limits(node, refusal);
    CHECK(eventually([&] { return disk.limits() == 0; }));
    MESSAGE("tested on " << std::string(kind));
    node.port.reset();
  }
}

TEST_CASE("a limit that the file system cannot hold is refused before the start, with how to mend it") {
  RuntimeNode node("refused");
  fs::create_directories(node.options.volume_dir);
  REQUIRE(::mount("none", node.options.volume_dir.c_str(), "tmpfs", 0, nullptr) == 0);
  for (const bool layer : {false, true}) {
    CAPTURE(layer);
    auto request = limited_request(node, "sleep 100000; ");
    layer ? request.assignment.pod.volumes.clear() : request.assignment.limits.storage_bytes.reset();
    const auto started = node.start(request);
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().code == Errc::failed_precondition);
    CHECK_MESSAGE(
        started.error().message.find("its file system has no project quotas; mount") != std::string::npos,
        started.error().message);
    CHECK_MESSAGE(started.error().message.find("volume_limits: image") != std::string::npos,
                  started.error().message);
    CHECK(node.traces("a") == "");
  }
  node.port->forget_volumes({});
  CHECK(eventually([&] { return holds_nothing(node); }));
  REQUIRE(::umount2(node.options.volume_dir.c_str(), 0) == 0);
}

TEST_CASE("what a dead agent left is removed when the node is told who lives, and a named replica's stays") {
  RuntimeNode node("leftovers");
  const auto shared = node.machine.folder() + "/kept";
  fs::create_directories(shared);
  std::ofstream(shared + "/precious") << "x";
  node.options.policy.host_paths = {{shared, kReadWrite}};
  node.options.volume_limits = DiskLimitMeans::image;
  node.open();
  for (const char* name : {"dead", "alive"}) {
    auto request = script_of(node, name, "sleep 100000");
    auto& pod = request.assignment.pod;
    request.assignment.limits.storage_bytes = 8 * kMiB;
    pod.volumes = {{"disk", "/disk", false, EmptyDir{8 * kMiB, false}},
                   {"memory", "/memory", false, EmptyDir{kMiB, true}},
                   {"host", "/host", false, HostPath{shared}},
                   {"plain", "/plain", false, EmptyDir{}}};
    pod.config_files = {{"/conf", "x"}};
    REQUIRE_OK(node.start(request));
    REQUIRE_OK(node.exec(
        name, {"sh", "-c", "for v in disk memory plain; do echo x >/$v/f; done; mkdir -p /plain/d/e"}));
  }
  // As an agent leaves it that dies: the container is gone, all else is there, and one removal was half done.
  node.ctr({"tasks", "kill", "-s", "KILL", "dead-0"});
  REQUIRE_OK(node.wait("dead"));
  node.port.reset();
  REQUIRE(eventually([&] {
    node.ctr({"tasks", "delete", "dead-0"});
    node.ctr({"containers", "delete", "dead-0"});
    return node.ctr({"containers", "list", "-q"}).find("dead") == std::string::npos;
  }));
  const auto& dir = node.options.volume_dir;
  fs::create_directories(dir + "/.trash/7/volumes/half/x");
  REQUIRE(::mount("none", (dir + "/.trash/7/volumes/half").c_str(), "tmpfs", 0, nullptr) == 0);
  std::ofstream(dir + "/dead/volumes/other.img.new") << "half made";
  node.open();
  node.port->forget_volumes({ReplicaId{"alive"}});
  CHECK(eventually([&] {
    return !fs::exists(dir + "/dead") && !fs::exists(dir + "/.layers/dead-0") &&
           fs::is_empty(dir + "/.trash");
  }));
  CHECK(mounts_below(dir) == 4);  // of the living one: image, memory, host path, layer
  CHECK(eventually([&] { return loops_of(dir) == 2; }));  // the kernel takes its time with the last mount
  const auto seen =
      node.exec("alive", {"cat", "/disk/f", "/memory/f", "/plain/f", "/conf", "/host/precious"});
  REQUIRE_OK(seen);
  CHECK(seen->stdout_data == "x\nx\nx\nxx");
  node.ctr({"snapshots", "rm", "dead-0"});
  REQUIRE_OK(node.remove("alive"));
  node.port->forget_volumes({});
  CHECK(eventually([&] { return holds_nothing(node); }));
  CHECK(fs::exists(shared + "/precious"));
}

TEST_CASE("volumes of a replica that starts while others are swept are never taken") {
  RuntimeNode node("race");
  std::vector<std::future<Result<StartedContainer>>> starting;
  for (int i = 0; i < 8; ++i) {
    node.port->forget_volumes({});
    auto request = script_of(node, "r" + std::to_string(i), "echo x >/data/f && sleep 100000");
    request.assignment.pod.volumes = {{"data", "/data", false, EmptyDir{}},
                                      {"m", "/m", false, EmptyDir{0, true}}};
    request.assignment.pod.config_files = {{"/conf", "c"}};
    starting.push_back(node.begin(request));
    node.port->forget_volumes({ReplicaId{"r" + std::to_string(i)}});
  }
  for (auto& start : starting) REQUIRE_OK(outcome(std::move(start)));
  for (int i = 0; i < 8; ++i) {
    const auto name = "r" + std::to_string(i);
    CHECK(eventually([&] { return fs::exists(node.options.volume_dir + "/" + name + "/volumes/data/f"); }));
    REQUIRE_OK(node.remove(name));
  }
  node.port->forget_volumes({});
  CHECK(eventually([&] { return holds_nothing(node); }));
}

}  // namespace
