// Tables for people, by libsmartcols.
#pragma once

#include <string>
#include <vector>

namespace cloudless::cli {

struct Column {
  std::string name;
  bool right = false;  ///< numbers
};

/// One line per row under a line of names; as wide as it needs to be. Control characters come out escaped.
std::string table_text(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows);

}  // namespace cloudless::cli
