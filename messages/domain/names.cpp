#include "messages/domain/names.hpp"

#include <algorithm>
#include <string>

#include "messages/domain/snapshot.hpp"

namespace cloudless {
namespace {

constexpr std::size_t kMaxReplicaId = 96;
constexpr std::size_t kMaxContainerId = 76;
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxEnvName = 256;

bool lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool alphanumeric(char c) {
  return letter(c) || (c >= '0' && c <= '9');
}

template <class Allowed>
bool all(std::string_view text, Allowed allowed) {
  return std::all_of(text.begin(), text.end(), allowed);
}

bool label_char(char c) {
  return alphanumeric(c) || c == '.' || c == '_' || c == '/' || c == '-';
}

}  // namespace

bool is_dns_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && lower_or_digit(text.front()) && lower_or_digit(text.back()) &&
         all(text, [](char c) { return lower_or_digit(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view text, std::size_t max) {
  if (text.size() > max) return false;
  while (true) {
    const auto dot = text.find('.');
    if (!is_dns_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_workload_uid(std::string_view text) {
  return text.size() == 10 && all(text, lower_or_digit);
}

bool is_replica_id(std::string_view text) {
  if (text.size() > kMaxReplicaId) return false;
  const ReplicaId id{std::string(text)};
  const auto slot = slot_of(id);
  if (!slot || !is_workload_uid(slot->workload.value)) return false;
  // Compared as a whole: "x-<uid>-007" is not how an ordinal is written.
  const auto suffix = "-" + slot->workload.value + "-" + std::to_string(slot->ordinal);
  return text.ends_with(suffix) && is_dns_label(text.substr(0, text.size() - suffix.size()));
}

bool is_container_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxContainerId && alphanumeric(text.front()) &&
         all(text, [](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_label_key(std::string_view text) {
  return !text.empty() && is_label_value(text);
}

bool is_label_value(std::string_view text) {
  return text.size() <= kMaxLabel && all(text, label_char);
}

bool is_env_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxEnvName && (letter(text.front()) || text.front() == '_') &&
         all(text, [](char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

std::string path_error(std::string_view path) {
  constexpr std::size_t kLongest = 4096, kLongestName = 255;
  if (path.empty()) return "is required";
  if (path.front() != '/') return "must be absolute: it begins with '/'";
  if (path.size() > kLongest) return "is longer than 4096 bytes";
  if (path == "/") return "is the root directory";
  for (const char c : path)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "contains a control character";
  for (std::size_t at = 1; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto name = path.substr(at, end - at);
    if (name == "..") return "must not contain '..'";
    if (name.empty() || name == ".") return "must be written without '//', '.' and a '/' at its end";
    if (name.size() > kLongestName) return "has a name of more than 255 bytes in it";
    at = end + 1;
  }
  return {};
}

bool is_path_within(std::string_view path, std::string_view folder) {
  if (folder == "/") return path.starts_with('/');
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace cloudless
