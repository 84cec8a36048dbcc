#include "services/cloudlessctl/context.hpp"

#include <ostream>

#include "services/cloudlessctl/message_json.hpp"

namespace cloudless::cli {

ExitCode report(Context& context, const Failure& failure) {
  context.terminal.err << "error: " << to_text(context.client.explained(failure)) << "\n";
  return exit_code_of(failure.code);
}

void print_object(Context& context, const google::protobuf::Message& message) {
  const auto json = to_json(message);
  using nlohmann::ordered_json;
  // Log lines and the like may hold bytes that are not UTF-8.
  if (context.output == Output::json)
    context.terminal.out << json.dump(2, ' ', false, ordered_json::error_handler_t::replace) << "\n";
  else
    context.terminal.out << to_yaml(json);
}

}  // namespace cloudless::cli
