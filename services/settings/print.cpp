// --print-config: the settings in force, as YAML.
#include <algorithm>
#include <cctype>

#include "services/settings/settings.hpp"

namespace cloudless::settings {
namespace {

std::string quoted(const std::string& text) {
  const bool plain = !text.empty() &&
                     text.find_first_not_of(
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                         "0123456789_./:-") == std::string::npos &&
                     std::isalnum(static_cast<unsigned char>(text.front())) + (text.front() == '/') != 0 &&
                     text.back() != ':';
  if (plain) return text;
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

std::string joined(const std::vector<std::string>& items, bool mapping) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += ", ";
    const auto equals = mapping ? item.find('=') : std::string::npos;
    out += equals == std::string::npos
               ? quoted(item)
               : quoted(item.substr(0, equals)) + ": " + quoted(item.substr(equals + 1));
  }
  return out;
}

std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts(1);
  for (char c : name) {
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

}  // namespace

std::string Settings::print() const {
  std::string out;
  std::vector<std::string> open;
  for (const auto& field : fields_) {
    auto parts = parts_of(field.name);
    const auto leaf = parts.back();
    parts.pop_back();
    std::size_t shared = 0;
    while (shared < std::min(open.size(), parts.size()) && open[shared] == parts[shared]) ++shared;
    for (std::size_t depth = shared; depth < parts.size(); ++depth)
      out += std::string(2 * depth, ' ') + parts[depth] + ":\n";
    open = parts;
    const auto items = field.show();
    std::string value = field.shape == Shape::list  ? "[" + joined(items, false) + "]"
                        : field.shape == Shape::map ? "{" + joined(items, true) + "}"
                                                    : quoted(items.at(0));
    std::string line = std::string(2 * parts.size(), ' ') + leaf + ": " + value;
    if (line.size() < 48) line.resize(48, ' ');
    out += line + "  # " + field.origin + "\n";
  }
  return out;
}

}  // namespace cloudless::settings
