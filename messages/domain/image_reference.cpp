#include "messages/domain/image_reference.hpp"

#include <algorithm>

namespace cloudless {
namespace {

constexpr std::size_t kMaxReference = 512;
constexpr std::size_t kMaxTag = 128;
constexpr std::size_t kMaxPath = 255;
constexpr std::size_t kMinDigest = 32;
constexpr std::size_t kMaxDigest = 256;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}
bool is_word(char c) {
  return is_digit(c) || is_lower(c) || is_upper(c);
}

/// One component between slashes: lower-case words joined by '.', '_', '__' or dashes.
bool is_path_component(std::string_view text) {
  if (text.empty() || !(is_lower(text.front()) || is_digit(text.front()))) return false;
  std::string_view separator;
  for (std::size_t i = 0; i < text.size();) {
    const auto begin = i;
    if (is_lower(text[i]) || is_digit(text[i])) {
      ++i;
      continue;
    }
    while (i < text.size() && text[i] == text[begin]) ++i;
    separator = text.substr(begin, i - begin);
    const bool good = separator == "." || separator == "_" || separator == "__" || separator.front() == '-';
    if (!good || i == text.size() || !(is_lower(text[i]) || is_digit(text[i]))) return false;
  }
  return true;
}

/// The first part names a registry if it could not be a path component of an image on the default one.
bool looks_like_registry(std::string_view first) {
  return first.find_first_of(".:[") != std::string_view::npos || first == "localhost" ||
         std::any_of(first.begin(), first.end(), is_upper);
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_registry(std::string_view text) {
  if (const auto colon = text.rfind(':');
      colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos) {
    if (!is_port(text.substr(colon + 1))) return false;
    text = text.substr(0, colon);
  }
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    const auto inside = text.substr(1, text.size() - 2);
    return std::all_of(inside.begin(), inside.end(),
                       [](char c) { return is_hex(c) || (c >= 'A' && c <= 'F') || c == ':'; });
  }
  while (true) {
    const auto dot = text.find('.');
    const auto label = text.substr(0, dot);
    if (label.empty() || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(), [](char c) { return is_word(c) || c == '-'; }))
      return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTag && (is_word(text.front()) || text.front() == '_') &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_word(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_digest(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto algorithm = text.substr(0, colon);
  const auto hex = text.substr(colon + 1);
  const auto in_algorithm = [](char c) {
    return is_lower(c) || is_digit(c) || c == '+' || c == '.' || c == '_' || c == '-';
  };
  if (algorithm.empty() || !is_lower(algorithm.front()) ||
      !std::all_of(algorithm.begin(), algorithm.end(), in_algorithm) || hex.size() < kMinDigest ||
      !std::all_of(hex.begin(), hex.end(), is_hex))
    return false;
  return (algorithm != "sha256" || hex.size() == 64) && (algorithm != "sha512" || hex.size() == 128);
}

std::string path_error(std::string_view path) {
  if (path.empty()) return "has no name before the tag";
  if (path.size() > kMaxPath) return "has a name of more than 255 characters";
  while (true) {
    const auto slash = path.find('/');
    const auto component = path.substr(0, slash);
    if (!is_path_component(component))
      return "has a bad part '" + std::string(component) +
             "': lower-case letters and digits, joined by single '.', '_', '__' or dashes";
    if (slash == std::string_view::npos) return {};
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

bool is_image_digest(std::string_view text) {
  return text.size() <= kMaxDigest && is_digest(text);
}

bool is_registry_name(std::string_view text) {
  return !text.empty() && text.size() <= 255 && is_registry(text);
}

std::string_view registry_in(std::string_view reference) {
  const auto slash = reference.find('/');
  if (slash == std::string_view::npos || !looks_like_registry(reference.substr(0, slash))) return "docker.io";
  return reference.substr(0, slash);
}

std::string_view digest_in(std::string_view reference) {
  const auto at = reference.find('@');
  return at == std::string_view::npos ? std::string_view{} : reference.substr(at + 1);
}

std::string image_reference_error(std::string_view text) {
  if (text.empty()) return "is required";
  if (text.size() > kMaxReference) return "is longer than 512 characters";
  if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; }))
    return "contains a character that is not visible ASCII";
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    if (!is_digest(text.substr(at + 1)))
      return "has a bad digest: expected e.g. @sha256: and 64 lower-case hexadecimal digits";
    text = text.substr(0, at);
  }
  // A colon after the last slash begins a tag; an earlier one belongs to the registry's port.
  const auto last_slash = text.rfind('/');
  const auto colon = text.find(':', last_slash == std::string_view::npos ? 0 : last_slash);
  if (colon != std::string_view::npos) {
    if (!is_tag(text.substr(colon + 1)))
      return "has a bad tag: 1-128 characters of [A-Za-z0-9._-], beginning with a letter, a digit or '_'";
    text = text.substr(0, colon);
  }
  if (const auto slash = text.find('/');
      slash != std::string_view::npos && looks_like_registry(text.substr(0, slash))) {
    if (!is_registry(text.substr(0, slash)))
      return "has a bad registry '" + std::string(text.substr(0, slash)) + "': expected host or host:port";
    text.remove_prefix(slash + 1);
  }
  return path_error(text);
}

}  // namespace cloudless
