// Collects everything that is wrong with a request, so that the caller hears all of it at once.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/domain/error.hpp"

namespace cloudless::codec {

class Violations {
 public:
  /// This field is wrong. `reason` continues the sentence that begins with the path.
  void add(std::string path, std::string reason);
  /// This field is fine by the schema, but this version does not carry it out.
  void add_unimplemented(std::string path);
  /// None of the fields that `message` has set is carried out; an empty one is named itself.
  void add_unimplemented(const google::protobuf::Message& message, const std::string& path);
  /// `number` must be within [low, high].
  void check_range(std::string path, std::uint64_t number, std::uint64_t low, std::uint64_t high);
  /// There must be at most `most` items.
  void check_count(std::string path, std::size_t count, std::size_t most);
  /// Fields that are not in the schema, anywhere inside `message`: a misspelt or newer field is not ignored.
  void check_known(const google::protobuf::Message& message, const std::string& path);

  bool empty() const { return wrong_.empty() && unimplemented_.empty(); }
  /// INVALID_ARGUMENT if anything is wrong, else UNIMPLEMENTED if anything is not carried out, else absent.
  /// What is wrong comes in the order in which it was found, then what is not carried out; at most 100
  /// fields, the last then says how many more there are.
  std::optional<Error> error(std::string_view subject) const;

 private:
  std::vector<Violation> wrong_;
  std::vector<Violation> unimplemented_;
};

/// "spec" and "image" is "spec.image"; nothing and "name" is "name".
std::string join(std::string_view path, std::string_view field);
/// "spec.env[2]".
std::string item(std::string_view path, std::size_t index);

}  // namespace cloudless::codec
