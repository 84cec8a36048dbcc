#include "services/settings/settings.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "services/settings/yaml_file.hpp"

namespace cloudless::settings {
namespace {

std::string environment_name(std::string_view name) {
  std::string out = "CLOUDLESS_";
  for (char c : name)
    out += (c == '.' || c == '-') ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string flag_name(std::string_view name) {
  std::string out = "--";
  for (char c : name) out += (c == '.' || c == '_') ? '-' : c;
  return out;
}

std::vector<std::string> split_at_commas(const std::string& line) {
  std::vector<std::string> items;
  std::string item;
  for (char c : line + ",") {
    if (c != ',') {
      item += c;
      continue;
    }
    const auto first = item.find_first_not_of(' ');
    if (first != std::string::npos)
      items.push_back(item.substr(first, item.find_last_not_of(' ') - first + 1));
    item.clear();
  }
  return items;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t swapped = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, swapped});
    }
  }
  return row[b.size()];
}

}  // namespace

struct Settings::Entry : YamlEntry {};

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

Settings::Settings(About about) : about_(std::move(about)) {}

void Settings::add(Field field) {
  fields_.push_back(std::move(field));
}

Settings::Field* Settings::find(std::string_view name) {
  auto it = std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.name == name; });
  return it == fields_.end() ? nullptr : &*it;
}

std::string Settings::origin(std::string_view name) const {
  auto it = std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.name == name; });
  return it == fields_.end() ? std::string{} : it->origin;
}

std::string Settings::nearest(std::string_view name) const {
  const Field* best = nullptr;
  std::size_t best_distance = 4;
  for (const auto& f : fields_) {
    const auto distance = edit_distance(name, f.name);
    if (distance < best_distance) {
      best = &f;
      best_distance = distance;
    }
  }
  return best == nullptr ? std::string{} : best->name;
}

void Settings::complain(const std::string& place, const std::string& what) {
  problems_.code = Errc::invalid_argument;
  if (!problems_.message.empty()) problems_.message += '\n';
  problems_.message += place + ": " + what;
  problems_.violations.push_back({place, what});
}

void Settings::take_items(Field& field, const std::string& origin, const std::vector<std::string>& items) {
  const std::string refused = field.take(items);
  if (refused.empty()) {
    field.origin = origin;
    return;
  }
  std::string given;
  for (const auto& item : items) given += (given.empty() ? "" : ",") + item;
  complain(origin, field.name + ": \"" + given + "\" is not " + refused);
}

void Settings::take_line(Field& field, const std::string& origin, const std::string& line) {
  const bool many = field.shape == Shape::list || field.shape == Shape::map;
  take_items(field, origin, many ? split_at_commas(line) : std::vector<std::string>{line});
}

void Settings::take_entry(const std::string& path, const Entry& entry) {
  const std::string place = path + ":" + std::to_string(entry.line);
  Field* field = find(entry.name);
  if (field == nullptr) {
    const auto near = nearest(entry.name);
    complain(place, entry.name + ": unknown setting; " +
                        (near.empty() ? "--print-config lists all of them" : "did you mean " + near + "?"));
    return;
  }
  const bool fits = entry.shape == YamlShape::scalar
                        ? field->shape == Shape::scalar || field->shape == Shape::flag
                        : field->shape == (entry.shape == YamlShape::sequence ? Shape::list : Shape::map);
  if (!fits) {
    const char* wanted = field->shape == Shape::list  ? "a list"
                         : field->shape == Shape::map ? "a mapping"
                                                      : "one value";
    complain(place, entry.name + ": must be " + wanted);
    return;
  }
  take_items(*field, place, entry.items);
}

void Settings::take_file(const std::string& path, bool must_exist) {
  std::error_code ignored;
  if (!must_exist && !std::filesystem::exists(path, ignored)) return;
  // What a field looks like decides whether a mapping is its value or leads to other fields.
  auto entries = read_yaml_file(path, [this](const std::string& name) {
    const Field* field = find(name);
    return field != nullptr && field->shape == Shape::map;
  });
  if (!entries) {
    problems_.code = Errc::invalid_argument;
    problems_.message += (problems_.message.empty() ? "" : "\n") + entries.error().message;
    return;
  }
  for (auto& entry : *entries) take_entry(path, Entry{std::move(entry)});
}

void Settings::take_environment(const Environment& environment) {
  for (auto& field : fields_) {
    const auto name = environment_name(field.name);
    if (auto value = environment(name)) take_line(field, "environment " + name, *value);
  }
}

void Settings::take_flags(const std::map<std::string, std::string>& flags) {
  for (const auto& [name, value] : flags) take_line(*find(name), flag_name(name), value);
}

Result<Outcome> Settings::load(int argc, const char* const* argv, const Environment& environment) {
  CLI::App app(about_.purpose, about_.program);
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("--version", about_.program + " " + about_.version);
  std::string file;
  bool print_config = false;
  app.add_option(
      "--config", file,
      "YAML file with settings" + (about_.default_file.empty() ? "" : ", default " + about_.default_file));
  app.add_flag("--print-config", print_config, "Print every setting and where its value came from, and exit");
  std::map<std::string, std::string> flags;
  for (const auto& field : fields_) {
    auto* option = app.add_option_function<std::vector<std::string>>(
        flag_name(field.name),
        [&flags, &field](const std::vector<std::string>& words) {
          // A bare flag arrives as one empty word.
          const bool bare = words.empty() || (field.shape == Shape::flag && words[0].empty());
          flags[field.name] = bare ? "true" : words[0];
        },
        field.help + " [" + environment_name(field.name) + "]");
    option->expected(field.shape == Shape::flag ? 0 : 1, 1);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return Outcome{true, app.help()};
  } catch (const CLI::CallForVersion&) {
    return Outcome{true, app.version() + "\n"};
  } catch (const CLI::ParseError& e) {
    return fail(Errc::invalid_argument, std::string(e.what()) + "; --help lists the flags");
  }
  const bool named = !file.empty();
  if (!named) file = environment("CLOUDLESS_CONFIG").value_or("");
  if (!file.empty())
    take_file(file, true);
  else if (!about_.default_file.empty())
    take_file(about_.default_file, false);
  take_environment(environment);
  take_flags(flags);
  if (problems_.code != Errc::none) return fail(problems_);
  if (print_config) return Outcome{true, print()};
  return Outcome{};
}

}  // namespace cloudless::settings
