// A YAML file of settings as a flat list of dotted names with values and lines. Used by Settings; knows no
// field.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "messages/domain/error.hpp"

namespace cloudless::settings {

enum class YamlShape { scalar, sequence, mapping };

struct YamlEntry {
  std::string name;  ///< "store.path"
  int line = 0;      ///< from 1
  YamlShape shape = YamlShape::scalar;
  std::vector<std::string> items;  ///< one for a scalar; "key=value" for a mapping
};

/// In order of the file. A mapping is the value of its name if `is_map_field` says so, otherwise it leads to
/// further names. INVALID_ARGUMENT with "file:line:column" if it cannot be read or is not such a file.
Result<std::vector<YamlEntry>> read_yaml_file(const std::string& path,
                                              const std::function<bool(const std::string&)>& is_map_field);

}  // namespace cloudless::settings
