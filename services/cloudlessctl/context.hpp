// What every command of cloudlessctl works with.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

#include "services/cloudlessctl/client.hpp"

namespace cloudless::cli {

/// The process's ends; tests have their own.
struct Terminal {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool err_is_terminal = false;  ///< progress may be drawn over itself
  bool out_has_colours = false;  ///< a terminal, and NO_COLOR is not set
};

enum class Output { table, json, yaml };

struct Context {
  Terminal& terminal;
  Client& client;
  std::string ns;         ///< the namespace that holds if nothing else says one
  bool ns_given = false;  ///< by -n
  Output output = Output::table;
  std::int64_t now_ms = 0;  ///< wall clock, for ages
};

/// A parsed command, ready to run.
using Action = std::function<ExitCode(Context&)>;

/// Prints why it failed and says the exit code.
ExitCode report(Context& context, const Failure& failure);
/// Prints a message of the API as JSON or YAML.
void print_object(Context& context, const google::protobuf::Message& message);

}  // namespace cloudless::cli
