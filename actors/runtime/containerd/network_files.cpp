#include "actors/runtime/containerd/network_files.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace cloudless::runtime {
namespace {

namespace fs = std::filesystem;

constexpr char kNodeHosts[] = "/etc/hosts";
constexpr char kNodeResolver[] = "/etc/resolv.conf";
constexpr char kBehindStub[] = "/run/systemd/resolve/resolv.conf";
constexpr std::size_t kMostNameservers = 3;  // what the C library looks at

std::string content_of(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

std::vector<std::string> resolver_words(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

/// An IPv4 address beyond the node itself: replicas have no other.
bool reachable_from_replicas(const std::string& nameserver) {
  in_addr address{};
  if (inet_pton(AF_INET, nameserver.c_str(), &address) != 1) return false;
  const auto first = ntohl(address.s_addr) >> 24;
  return first != 127 && first != 0;
}

std::vector<std::string> reachable(std::vector<std::string> nameservers) {
  std::erase_if(nameservers, [](const auto& n) { return !reachable_from_replicas(n); });
  if (nameservers.size() > kMostNameservers) nameservers.resize(kMostNameservers);
  return nameservers;
}

std::string resolver_line(const char* key, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  std::string out = key;
  for (const auto& word : words) out += " " + word;
  return out + "\n";
}

}  // namespace

Resolver parse_resolver(std::string_view text) {
  Resolver out;
  std::istringstream in{std::string(text)};
  for (std::string raw; std::getline(in, raw);) {
    auto words = resolver_words(raw.substr(0, raw.find_first_of("#;")));
    if (words.size() < 2) continue;
    const std::string key = words.front();
    words.erase(words.begin());
    if (key == "nameserver") out.nameservers.push_back(words.front());
    if (key == "search" || key == "domain") out.search = words;
    if (key == "options") out.options.insert(out.options.end(), words.begin(), words.end());
  }
  return out;
}

std::string render(const Resolver& resolver) {
  std::string out;
  for (const auto& nameserver : resolver.nameservers) out += resolver_line("nameserver", {nameserver});
  return out + resolver_line("search", resolver.search) + resolver_line("options", resolver.options);
}

Resolver resolver_for_replicas(const Resolver& configured, std::string_view of_node,
                               std::string_view behind_stub) {
  Resolver out = parse_resolver(of_node);
  out.nameservers = reachable(std::move(out.nameservers));
  if (out.nameservers.empty()) out.nameservers = reachable(parse_resolver(behind_stub).nameservers);
  if (!configured.nameservers.empty()) out.nameservers = configured.nameservers;
  if (!configured.search.empty()) out.search = configured.search;
  if (!configured.options.empty()) out.options = configured.options;
  return out;
}

std::string hosts_file(const std::string& host_name, const std::string& address) {
  return "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n" +
         (address.empty() ? "127.0.1.1" : address) + " " + host_name + "\n";
}

std::string hosts_file_on_node(const std::string& host_name, const std::string& address,
                               std::string_view of_node) {
  std::string out(of_node);
  if (!out.empty() && out.back() != '\n') out += '\n';
  return out + address + " " + host_name + "\n";
}

NetworkFiles::NetworkFiles(std::string folder, Resolver configured)
    : folder_(std::move(folder)), configured_(std::move(configured)) {}

std::string NetworkFiles::folder_of(const ContainerId& container) const {
  return folder_ + "/" + container.value;
}

Resolver NetworkFiles::resolver(const Resolver& of_network) const {
  const auto first = [](const auto& a, const auto& b) { return a.empty() ? b : a; };
  return resolver_for_replicas(
      {first(configured_.nameservers, of_network.nameservers), first(configured_.search, of_network.search),
       first(configured_.options, of_network.options)},
      content_of(kNodeResolver), content_of(kBehindStub));
}

Result<Nothing> NetworkFiles::write(const ContainerId& container, const std::string& host_name,
                                    const std::string& address, const Resolver& of_network) {
  return write_all(container, host_name, hosts_file(host_name, address), render(resolver(of_network)));
}

Result<Nothing> NetworkFiles::write_on_node(const ContainerId& container, const std::string& host_name,
                                            const std::string& address) {
  return write_all(container, host_name, hosts_file_on_node(host_name, address, content_of(kNodeHosts)),
                   content_of(kNodeResolver));
}

Result<Nothing> NetworkFiles::write_all(const ContainerId& container, const std::string& host_name,
                                        const std::string& hosts, const std::string& resolver) const {
  const auto folder = folder_of(container);
  std::error_code error;
  fs::create_directories(folder, error);
  const std::array<std::pair<const char*, std::string>, 3> files{
      {{"hosts", hosts}, {"hostname", host_name + "\n"}, {"resolv.conf", resolver}}};
  for (const auto& [name, content] : files) {
    const auto path = folder + "/" + name;
    std::ofstream out(path, std::ios::binary | std::ios::trunc);  // in place: it may be bound already
    if (!(out << content).flush())
      return fail(Errc::unavailable, "network: write " + path + ": " + std::strerror(errno));
    out.close();
    // For processes of any user inside, whatever the agent's umask.
    fs::permissions(path, fs::perms{0644}, error);
  }
  return Nothing{};
}

void NetworkFiles::remove(const ContainerId& container) {
  std::error_code ignored;
  fs::remove_all(folder_of(container), ignored);
}

void NetworkFiles::remove_all_except(const std::set<ContainerId>& keep) {
  std::error_code ignored;
  fs::create_directories(folder_, ignored);  // there from the first moment on, as it will be at the last
  std::vector<ContainerId> stray;
  for (const auto& entry : fs::directory_iterator(folder_, ignored))
    if (const ContainerId id{entry.path().filename().string()}; !keep.contains(id)) stray.push_back(id);
  for (const auto& id : stray) remove(id);
}

}  // namespace cloudless::runtime
