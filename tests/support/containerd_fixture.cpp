#include "tests/support/containerd_fixture.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "actors/runtime/containerd/containerd_runtime.hpp"
#include "actors/runtime/containerd/network.hpp"

extern char** environ;

namespace cloudless::test {
namespace {

namespace fs = std::filesystem;
constexpr auto kStartTimeout = std::chrono::seconds(30);
constexpr char kFolderPrefix[] = "cloudless-test-";
constexpr std::size_t kMostNodes = 200;  // of one test program
constexpr char kImage[] = "cloudless.test/busybox:1";

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

bool file_has(const fs::path& file, const std::string& text) try {
  std::ifstream in(file, std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(in)), {});
  return all.find(text) != std::string::npos;
} catch (const std::ios_base::failure&) {
  return false;  // of a process that ended meanwhile
}

/// Processes that name the folder in their command line (containerd, shims, loggers), or whose control group
/// is that of a node of the folder (containers).
std::vector<pid_t> processes_of(const fs::path& folder) {
  std::vector<pid_t> out;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (!std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); })) continue;
    if (std::stoi(name) != getpid() && (file_has(entry.path() / "cmdline", folder.string()) ||
                                        file_has(entry.path() / "cgroup", folder.filename().string())))
      out.push_back(std::stoi(name));
  }
  return out;
}

void unmount_below(const std::string& folder) {
  std::ifstream in("/proc/self/mounts");
  std::vector<std::string> targets;
  for (std::string device, target, rest; in >> device >> target && std::getline(in, rest);)
    if (target.starts_with(folder + "/")) targets.push_back(target);
  std::for_each(targets.rbegin(), targets.rend(),
                [](const std::string& t) { umount2(t.c_str(), MNT_DETACH); });
}

void remove_cgroups(const std::string& part_of_name) {
  std::error_code ignored;
  for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup", ignored)) {
    for (const auto& node : fs::directory_iterator(hierarchy.path(), ignored)) {
      if (node.path().filename().string().find(part_of_name) == std::string::npos) continue;
      for (const auto& ns : fs::directory_iterator(node.path(), ignored)) {
        if (!ns.is_directory(ignored)) continue;
        for (const auto& container : fs::directory_iterator(ns.path(), ignored))
          if (container.is_directory(ignored)) rmdir(container.path().c_str());
        rmdir(ns.path().c_str());
      }
      rmdir(node.path().c_str());
    }
  }
}

std::string bridge_name(pid_t owner, std::size_t node) {
  return "ct" + std::to_string(owner) + "n" + std::to_string(node);
}

/// Packet rules of the folder's nodes: a table is named like the node's namespace.
void remove_tables(const std::string& part_of_name) {
  std::istringstream tables(run({"nft", "list", "tables", "ip"}).output);
  for (std::string table, family, name; tables >> table >> family >> name;)
    if (name.find(part_of_name) != std::string::npos) run({"nft", "delete", "table", "ip", name});
}

/// Ends and removes everything that belongs to a folder, by force.
void sweep(const fs::path& folder, pid_t owner) {
  for (int round = 0; round < 100; ++round) {
    const auto left = processes_of(folder);
    if (left.empty()) break;
    for (const pid_t p : left) kill(p, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  unmount_below(folder.string());
  remove_cgroups(folder.filename().string());
  remove_tables(folder.filename().string());
  for (std::size_t node = 0; node < kMostNodes; ++node)
    if (if_nametoindex(bridge_name(owner, node).c_str()) != 0)
      (void)runtime::Network(bridge_name(owner, node), {}, "").remove_bridge();
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

/// A test program that was killed could not clean up: the next one does.
void sweep_after_the_dead() {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/tmp", ignored)) {
    if (!entry.path().filename().string().starts_with(kFolderPrefix)) continue;
    pid_t owner = 0;
    std::ifstream(entry.path() / "owner") >> owner;
    if (owner > 0 && kill(owner, 0) != 0) sweep(entry.path(), owner);
  }
}

/// A 10.x.y.0/24 that no device of this machine uses, different for every process and node.
std::string free_subnet(std::size_t node) {
  const auto routes = run({"cat", "/proc/net/route"}).output;
  for (unsigned i = 0; i < 60000; ++i) {
    const unsigned n = (static_cast<unsigned>(getpid()) * 7 + static_cast<unsigned>(node) * 101 + i) % 60000;
    const unsigned high = 64 + n / 256 % 128, low = n % 256;
    char hex[16];
    snprintf(hex, sizeof hex, "00%02X%02X0A", low, high);
    if (routes.find(hex) == std::string::npos)
      return "10." + std::to_string(high) + "." + std::to_string(low) + ".0/24";
  }
  throw std::runtime_error("no free subnet in 10.64.0.0/10");
}

}  // namespace

CommandResult run(const std::vector<std::string>& command) {
  auto words = command;
  auto argv = pointers(words);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, ends[1], 1);
  posix_spawn_file_actions_adddup2(&files, ends[1], 2);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  close(ends[1]);
  CommandResult result;
  if (error == 0) {
    char piece[4096];
    for (ssize_t n = 0; (n = read(ends[0], piece, sizeof piece)) > 0;)
      result.output.append(piece, static_cast<std::size_t>(n));
    int status = 0;
    waitpid(pid, &status, 0);
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  } else {
    result.output = command.front() + " cannot be started";
  }
  close(ends[0]);
  return result;
}

ContainerdFixture::ContainerdFixture(const std::string& more_config) {
  if (geteuid() != 0) throw std::runtime_error("tests on containerd need root");
  for (const char* program : {"containerd", "ctr", "runc", "python3"})
    if (run({"which", program}).exit_code != 0)
      throw std::runtime_error(std::string(program) +
                               " is not installed (Debian: containerd, runc, python3, busybox-static)");
  sweep_after_the_dead();
  auto name = std::string("/tmp/") + kFolderPrefix + "XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  folder_ = name;
  std::ofstream(folder_ + "/owner") << getpid() << "\n";
  socket_ = folder_ + "/containerd.sock";
  std::ofstream(folder_ + "/config.toml")
      << "version = 2\n"
      << "root = \"" << folder_ << "/root\"\n"
      << "state = \"" << folder_ << "/state\"\n"
      << "[grpc]\n  address = \"" << socket_ << "\"\n"
      << "[plugins.\"io.containerd.internal.v1.opt\"]\n  path = \"" << folder_ << "/opt\"\n"
      << "[plugins.\"io.containerd.grpc.v1.cri\"]\n  enable_selinux = false\n"
      << "  [plugins.\"io.containerd.grpc.v1.cri\".cni]\n    bin_dir = \"" << folder_
      << "/cni\"\n    conf_dir = \"" << folder_ << "/cni\"\n"
      << "  [plugins.\"io.containerd.grpc.v1.cri\".registry]\n    config_path = \"" << folder_
      << "/certs.d\"\n"
      << more_config;
  launch();
}

ContainerdFixture::~ContainerdFixture() {
  try {
    if (pid_ < 0) launch();
    for (const auto& options : nodes_) (void)runtime::remove_everything(options);
  } catch (const std::exception&) {  // then by force
  }
  kill_hard();
  sweep(folder_, getpid());
}

void ContainerdFixture::launch() {
  std::vector<std::string> words = {"containerd", "--config", folder_ + "/config.toml", "--log-level",
                                    "warn"};
  auto argv = pointers(words);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, (folder_ + "/containerd.log").c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  const int error = posix_spawnp(&pid_, argv[0], &files, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) throw std::runtime_error("containerd cannot be started");
  const auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  while (!answers()) {
    if (std::chrono::steady_clock::now() > deadline || waitpid(pid_, nullptr, WNOHANG) == pid_)
      throw std::runtime_error("containerd does not come up:\n" +
                               run({"tail", "-n", "20", folder_ + "/containerd.log"}).output);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

bool ContainerdFixture::answers() const {
  return fs::exists(socket_) && ctr("default", {"namespaces", "list"}).exit_code == 0;
}

void ContainerdFixture::kill_hard() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void ContainerdFixture::start_again() {
  launch();
}

CommandResult ContainerdFixture::ctr(const std::string& containerd_namespace,
                                     std::vector<std::string> arguments) const {
  std::vector<std::string> words = {"ctr", "--address", socket_, "--namespace", containerd_namespace};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return run(words);
}

runtime::ContainerdOptions ContainerdFixture::options(const std::string& node) {
  runtime::ContainerdOptions out;
  out.node = NodeId{node};
  out.socket = socket_;
  out.containerd_namespace = "cloudless-" + node + "-" + fs::path(folder_).filename().string();
  out.cgroup_parent = "/" + out.containerd_namespace;
  out.state_dir = folder_ + "/" + node + "/state";
  out.log_dir = folder_ + "/" + node + "/logs";
  out.volume_dir = folder_ + "/" + node + "/volumes";
  out.logger = CLOUDLESS_BUILD_ROOT "/services/logger/cloudless-logger";
  static std::size_t made = 0;
  out.subnet = free_subnet(made);
  out.bridge = bridge_name(getpid(), made++);
  nodes_.push_back(out);
  return out;
}

std::string ContainerdFixture::image_layout() {
  const auto script = folder_ + "/entry.sh";
  const auto tar = folder_ + "/image.tar";
  if (fs::exists(tar)) return tar;
  std::ofstream(script) << "exec sleep 100000\n";
  const auto made =
      run({"python3", CLOUDLESS_SOURCE_ROOT "/tests/support/make_image.py", tar, kImage, script});
  if (made.exit_code != 0) throw std::runtime_error("image: " + made.output);
  return tar;
}

std::string ContainerdFixture::import_image(const std::string& containerd_namespace) {
  const auto imported = ctr(containerd_namespace, {"images", "import", image_layout()});
  if (imported.exit_code != 0) throw std::runtime_error("image: " + imported.output);
  return kImage;
}

std::string ContainerdFixture::import_image(const std::string& containerd_namespace,
                                            const std::string& reference,
                                            const std::vector<std::string>& options) {
  (void)image_layout();  // writes the entry point's script
  const auto tar = folder_ + "/more.tar";
  std::vector<std::string> words = {"python3", CLOUDLESS_SOURCE_ROOT "/tests/support/make_image.py", tar,
                                    reference, folder_ + "/entry.sh"};
  words.insert(words.end(), options.begin(), options.end());
  const auto made = run(words);
  if (made.exit_code != 0) throw std::runtime_error("image: " + made.output);
  const auto imported = ctr(containerd_namespace, {"images", "import", tar});
  if (imported.exit_code != 0) throw std::runtime_error("image: " + imported.output);
  return reference;
}

Registry::Registry(const std::vector<std::string>& layouts) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  std::vector<std::string> words = {"python3", CLOUDLESS_SOURCE_ROOT "/tests/support/registry.py"};
  words.insert(words.end(), layouts.begin(), layouts.end());
  auto argv = pointers(words);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in[0], 0);
  posix_spawn_file_actions_adddup2(&files, out[1], 1);
  const int error = posix_spawnp(&pid_, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  std::string port;
  for (char c = 0; error == 0 && read(out[0], &c, 1) == 1 && c != '\n';) port += c;
  close(out[0]);
  if (port.empty()) throw std::runtime_error("the registry does not come up");
  address_ = "127.0.0.1:" + port;
}

Registry::~Registry() {
  close(input_);
  waitpid(pid_, nullptr, 0);
}

}  // namespace cloudless::test
