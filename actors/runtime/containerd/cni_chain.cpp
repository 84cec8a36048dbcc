#include "actors/runtime/containerd/cni_chain.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "actors/runtime/containerd/host_ports.hpp"

namespace cloudless::runtime {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr char kNamespace[] = "/netns";
constexpr char kRecord[] = "/done.json";

std::string text_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

/// Whether a namespace is bound there: after a crash it may be an empty file.
bool is_namespace(const std::string& path) {
  struct statfs status {};
  return statfs(path.c_str(), &status) == 0 && status.f_type == NSFS_MAGIC;
}

tl::unexpected<Error> io_error(const std::string& what) {
  return fail(Errc::unavailable, "network: " + what + ": " + std::strerror(errno));
}

}  // namespace

Result<std::unique_ptr<CniChain>> CniChain::make(const std::string& conf_dir, const std::string& bin_dir,
                                                 std::string state_dir) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(conf_dir, error)) names.push_back(entry.path().filename());
  const auto file = choose_cni_file(std::move(names));
  if (!file)
    return fail(Errc::invalid_argument,
                "network.conf_dir: " + conf_dir + " has no CNI configuration (*.conflist)");
  auto network = parse_cni_network(text_of_file(conf_dir + "/" + *file), conf_dir + "/" + *file);
  if (!network) return fail(network.error());
  for (const auto& plugin : network->plugins) {
    const auto program = bin_dir + "/" + plugin.value("type", "");
    if (access(program.c_str(), X_OK) != 0)
      return fail(Errc::invalid_argument,
                  "network.bin_dir: the CNI plugin " + program + " cannot be run: " + std::strerror(errno));
  }
  return std::unique_ptr<CniChain>(new CniChain(std::move(*network), bin_dir, std::move(state_dir)));
}

Result<CniResult> CniChain::add(const ContainerId& container, std::uint32_t pid,
                                const std::vector<PublishedPort>& ports) {
  if (auto gone = remove(container); !gone) return fail(gone.error());
  Done done{network_, ports, nullptr};
  // Kept before it is begun: a crash in the middle is undone.
  if (auto saved = save(container, done); !saved) return fail(saved.error());
  auto whole = [&]() -> Result<CniResult> {
    if (auto pinned = pin(container, pid); !pinned) return fail(pinned.error());
    for (std::size_t i = 0; i < network_.plugins.size(); ++i) {
      auto answer = call("ADD", container, done, i);
      if (!answer) return fail(answer.error());
      done.result = json::parse(*answer, nullptr, false);
      if (!done.result.is_object())
        return fail(Errc::failed_precondition, "a CNI plugin answered what is no JSON object");
    }
    if (auto saved = save(container, done); !saved) return fail(saved.error());
    return parse_cni_result(done.result);
  }();
  if (!whole) (void)remove(container);  // what fails now is tried again when the container is removed
  return whole;
}

Result<Nothing> CniChain::remove(const ContainerId& container) {
  const auto folder = folder_of(container);
  std::error_code error;
  if (!fs::exists(folder, error)) return Nothing{};
  if (const auto done = load(container)) {
    for (std::size_t i = done->network.plugins.size(); i-- > 0;)
      if (auto undone = call("DEL", container, *done, i); !undone) return fail(undone.error());
  }
  umount2((folder + kNamespace).c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  fs::remove_all(folder, error);
  if (error) return fail(Errc::unavailable, "network: remove " + folder + ": " + error.message());
  return Nothing{};
}

Result<Nothing> CniChain::check(const ContainerId& container) {
  const auto done = load(container);
  if (!done) return fail(done.error());
  if (!done->network.can_check()) return Nothing{};
  for (std::size_t i = 0; i < done->network.plugins.size(); ++i)
    if (auto fine = call("CHECK", container, *done, i); !fine) return fail(fine.error());
  return Nothing{};
}

Result<CniResult> CniChain::known(const ContainerId& container) const {
  const auto done = load(container);
  return done ? parse_cni_result(done->result) : Result<CniResult>(fail(done.error()));
}

std::vector<ContainerId> CniChain::containers() const {
  std::vector<ContainerId> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(state_dir_, error))
    out.push_back(ContainerId{entry.path().filename().string()});
  return out;
}

Result<std::string> CniChain::call(const char* command, const ContainerId& container, const Done& done,
                                   std::size_t plugin) const {
  const auto pinned = folder_of(container) + kNamespace;
  return run_cni_plugin({bin_dir_ + "/" + done.network.plugins.at(plugin).value("type", ""), command,
                         container.value, is_namespace(pinned) ? pinned : std::string{}, bin_dir_,
                         plugin_input(done.network, plugin, done.result, done.ports)});
}

Result<Nothing> CniChain::pin(const ContainerId& container, std::uint32_t pid) const {
  const auto source = "/proc/" + std::to_string(pid) + "/ns/net";
  const auto target = folder_of(container) + kNamespace;
  const int fd = open(target.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
  if (fd < 0) return io_error("make " + target);
  close(fd);
  if (mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return io_error("bind " + source);
  return Nothing{};
}

Result<CniChain::Done> CniChain::load(const ContainerId& container) const try {
  const auto path = folder_of(container) + kRecord;
  const auto text = text_of_file(path);
  if (text.empty())
    return fail(Errc::not_found, "network: nothing was done for container " + container.value);
  const auto parsed = json::parse(text);
  auto network = parse_cni_network(parsed.at("network").dump(), path);
  if (!network) return fail(network.error());
  return Done{std::move(*network), parse_port_label(parsed.at("ports").get<std::string>()),
              parsed.at("result")};
} catch (const json::exception& e) {
  return fail(Errc::data_loss,
              "network: what was done for container " + container.value + " cannot be read: " + e.what());
}

Result<Nothing> CniChain::save(const ContainerId& container, const Done& done) const {
  const auto folder = folder_of(container);
  std::error_code error;
  fs::create_directories(folder, error);
  const json record{{"network",
                     {{"name", done.network.name},
                      {"cniVersion", done.network.version},
                      {"disableCheck", done.network.disable_check},
                      {"plugins", done.network.plugins}}},
                    {"ports", to_label(done.ports)},
                    {"result", done.result}};
  const auto path = folder + kRecord;
  // Written beside and renamed: a half-written record would forget how to undo.
  if (!(std::ofstream(path + ".new", std::ios::binary | std::ios::trunc) << record.dump()).flush())
    return io_error("write " + path);
  if (rename((path + ".new").c_str(), path.c_str()) != 0) return io_error("write " + path);
  return Nothing{};
}

}  // namespace cloudless::runtime
