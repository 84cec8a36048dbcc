#include "services/settings/yaml_file.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <utility>

namespace cloudless::settings {
namespace {

struct Refused {
  Error error;
};

class Reader {
 public:
  Reader(std::string path, const std::function<bool(const std::string&)>& is_map_field)
      : path_(std::move(path)), is_map_field_(is_map_field) {}

  void walk(const YAML::Node& mapping, const std::string& prefix, int depth) {
    if (depth > 8) refuse(mapping, "nested too deeply");
    for (const auto& pair : mapping) {
      if (!pair.first.IsScalar()) refuse(pair.first, "a setting's name must be one word");
      const std::string name = prefix + pair.first.Scalar();
      const bool leads_on = pair.second.IsMap() && !is_map_field_(name);
      if (leads_on)
        walk(pair.second, name + ".", depth + 1);
      else
        add(name, pair.first, pair.second);
    }
  }

  std::vector<YamlEntry> entries;

 private:
  [[noreturn]] void refuse(const YAML::Node& at, const std::string& what) const {
    const auto mark = at.Mark();
    throw Refused{
        {Errc::invalid_argument,
         path_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1) + ": " + what,
         {}}};
  }

  const std::string& scalar(const YAML::Node& node) const {
    if (!node.IsScalar()) refuse(node, "must be one value");
    return node.Scalar();
  }

  void add(const std::string& name, const YAML::Node& key, const YAML::Node& value) {
    const bool twice =
        std::any_of(entries.begin(), entries.end(), [&](const YamlEntry& e) { return e.name == name; });
    if (twice) refuse(key, name + " is given twice");
    YamlEntry entry{name, key.Mark().line + 1, YamlShape::scalar, {}};
    if (value.IsSequence()) {
      entry.shape = YamlShape::sequence;
      for (const auto& item : value) entry.items.push_back(scalar(item));
    } else if (value.IsMap()) {
      entry.shape = YamlShape::mapping;
      for (const auto& pair : value) entry.items.push_back(scalar(pair.first) + "=" + scalar(pair.second));
    } else if (value.IsNull()) {
      refuse(key, name + " has no value");
    } else {
      entry.items.push_back(value.Scalar());
    }
    entries.push_back(std::move(entry));
  }

  std::string path_;
  const std::function<bool(const std::string&)>& is_map_field_;
};

}  // namespace

Result<std::vector<YamlEntry>> read_yaml_file(const std::string& path,
                                              const std::function<bool(const std::string&)>& is_map_field) {
  try {
    const YAML::Node root = YAML::LoadFile(path);
    Reader reader(path, is_map_field);
    if (root.IsNull()) return std::move(reader.entries);
    if (!root.IsMap()) return fail(Errc::invalid_argument, path + ":1:1: must be a mapping of settings");
    reader.walk(root, "", 0);
    return std::move(reader.entries);
  } catch (const Refused& refused) {
    return fail(refused.error);
  } catch (const YAML::BadFile&) {
    return fail(Errc::invalid_argument, path + ": cannot be read");
  } catch (const YAML::Exception& e) {
    return fail(Errc::invalid_argument, path + ":" + std::to_string(e.mark.line + 1) + ":" +
                                            std::to_string(e.mark.column + 1) + ": " + e.msg);
  }
}

}  // namespace cloudless::settings
