// Prints log lines for people: pieces of a line are put together (of an enormous one, what came is printed),
// each line says whose it is, and where lines are missing it says how many and why.
#pragma once

#include <iosfwd>
#include <map>
#include <string>

#include "cloudless/api/stream.pb.h"

namespace cloudless::cli {

struct LineStyle {
  bool with_replica = false;
  bool timestamps = false;
  bool colours = false;  ///< of the replicas' names
};

class LinePrinter {
 public:
  LinePrinter(std::ostream& out, const LineStyle& style) : out_(out), style_(style) {}

  void print(const api::LogLine& line);
  /// What came of lines that were cut off.
  void finish();

 private:
  void put(const std::string& text, const std::string& source, bool ends);
  void end_line();
  std::string prefix(const api::LogLine& line);
  const char* colour_of(const std::string& source);

  std::ostream& out_;
  const LineStyle style_;
  std::map<std::string, std::string> open_;     ///< lines of which a piece came, by container and stream
  std::string unfinished_;                      ///< whose line is printed without its end
  std::map<std::string, const char*> colours_;  ///< by replica
};

}  // namespace cloudless::cli
