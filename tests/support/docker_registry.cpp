#include "tests/support/docker_registry.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

extern char** environ;

namespace cloudless::test {
namespace {

namespace fs = std::filesystem;

sockaddr_in on_loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = on_loopback(0);
  socklen_t size = sizeof address;
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

bool answers(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = on_loopback(port);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

/// A line of an htpasswd file; the C library knows bcrypt.
std::string password_line(const std::string& user, const std::string& password) {
  const auto hashed =
      run({"python3", "-W", "ignore", "-c",
           "import crypt, sys; print(crypt.crypt(sys.argv[1], '$2b$04$' + 'a' * 21 + 'u'))", password});
  if (hashed.exit_code != 0) throw std::runtime_error("htpasswd: " + hashed.output);
  return user + ":" + hashed.output;
}

}  // namespace

DockerRegistry::DockerRegistry(const std::string& folder, std::string user, std::string password)
    : folder_(folder), user_(std::move(user)), password_(std::move(password)), port_(free_port()) {
  if (run({"which", "docker-registry"}).exit_code != 0)
    throw std::runtime_error("docker-registry is not installed (Debian: docker-registry)");
  fs::create_directories(folder_);
  std::ofstream config(folder_ + "/config.yml");
  config << "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
         << "storage: {filesystem: {rootdirectory: " << folder_ << "/data}, delete: {enabled: true}}\n"
         << "http: {addr: \"" << address() << "\"}\n";
  if (!user_.empty()) {
    std::ofstream(folder_ + "/htpasswd") << password_line(user_, password_);
    config << "auth: {htpasswd: {realm: test, path: " << folder_ << "/htpasswd}}\n";
  }
  config.close();
  start();
}

DockerRegistry::~DockerRegistry() {
  stop();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void DockerRegistry::start() {
  const auto config = folder_ + "/config.yml";
  std::vector<std::string> words{"docker-registry", "serve", config};
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, (folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  const int error = posix_spawnp(&pid_, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw std::runtime_error("docker-registry cannot be started");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!answers(port_)) {
    if (std::chrono::steady_clock::now() > deadline || waitpid(pid_, nullptr, WNOHANG) == pid_)
      throw std::runtime_error("docker-registry does not come up:\n" +
                               run({"tail", folder_ + "/log"}).output);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void DockerRegistry::stop() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void DockerRegistry::freeze(bool frozen) {
  kill(pid_, frozen ? SIGSTOP : SIGCONT);
}

std::string DockerRegistry::push(ContainerdFixture& machine, const std::string& layout,
                                 const std::string& name) {
  const std::string reference = address() + "/" + name, scratch = "push";
  if (const auto imported = machine.ctr(scratch, {"images", "import", layout}); imported.exit_code != 0)
    throw std::runtime_error("push: " + imported.output);
  const auto names = machine.ctr(scratch, {"images", "list", "-q"}).output;
  const auto local = names.substr(0, names.find('\n'));
  const auto described = machine.ctr(scratch, {"images", "list", "name==" + local}).output;
  const auto at = described.find("sha256:");
  if (at == std::string::npos) throw std::runtime_error("push: " + described);
  const auto digest = described.substr(at, 71);
  std::vector<std::string> push{"images", "push", "--plain-http"};
  if (!user_.empty()) push.insert(push.end(), {"--user", user_ + ":" + password_});
  push.insert(push.end(), {reference, local});
  const auto pushed = machine.ctr(scratch, push);
  machine.ctr(scratch, {"images", "rm", "--sync", local});
  if (pushed.exit_code != 0) throw std::runtime_error("push: " + pushed.output);
  return digest;
}

}  // namespace cloudless::test
