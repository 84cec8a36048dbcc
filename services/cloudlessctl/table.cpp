#include "services/cloudlessctl/table.hpp"

#include <libsmartcols/libsmartcols.h>

#include <cstdlib>
#include <memory>

namespace cloudless::cli {

std::string table_text(const std::vector<Column>& columns,
                       const std::vector<std::vector<std::string>>& rows) {
  const std::unique_ptr<libscols_table, void (*)(libscols_table*)> table(scols_new_table(),
                                                                         scols_unref_table);
  if (!table) return {};
  // Cutting columns off would hide what scripts and people look for.
  scols_table_set_termforce(table.get(), SCOLS_TERMFORCE_NEVER);
  for (const auto& column : columns)
    scols_table_new_column(table.get(), column.name.c_str(), 0, column.right ? SCOLS_FL_RIGHT : 0);
  for (const auto& row : rows) {
    auto* line = scols_table_new_line(table.get(), nullptr);
    for (std::size_t i = 0; line != nullptr && i < row.size() && i < columns.size(); ++i)
      scols_line_set_data(line, i, row[i].c_str());
  }
  char* text = nullptr;
  if (rows.empty()) scols_table_enable_noheadings(table.get(), 1);
  if (scols_print_table_to_string(table.get(), &text) != 0 || text == nullptr) return {};
  std::string out(text);
  std::free(text);
  if (!out.empty() && out.back() != '\n') out += '\n';
  return out;
}

}  // namespace cloudless::cli
