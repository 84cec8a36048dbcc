// What can go wrong, in one vocabulary for every room: a code, a sentence that says what, where and how to
// mend it, and for bad input every offending field at once. Mapped once to caf::error
// (messages/caf_error.hpp) and once to a gRPC status (gateway/status.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace cloudless {

/// The values are stored and sent: never renumber.
enum class Errc : std::uint8_t {
  none = 0,
  invalid_argument = 1,     ///< the caller's words are wrong; violations say which
  not_found = 2,            ///< no such object
  already_exists = 3,       ///< the name is taken
  aborted = 4,              ///< expected revision is not the current one, or a precondition moved
  failed_precondition = 5,  ///< the object is not in a state for this
  resource_exhausted = 6,   ///< too large, too many
  unavailable = 7,          ///< try again: a peer, the store or a node is away; the outcome may be unknown
  unimplemented = 8,        ///< accepted by the schema, not carried out by this version
  out_of_range = 9,         ///< a position that is no longer kept
  deadline_exceeded = 10,   ///< took too long; the outcome may be unknown
  internal = 11,            ///< a defect of ours
  permission_denied = 12,   ///< not allowed here
  cancelled = 13,           ///< the caller left
  data_loss = 14,           ///< what was stored cannot be read
};

/// One bad field: its path as in the API ("spec.env[2].name") and what is wrong with it.
struct Violation {
  std::string path;
  std::string reason;
  bool operator==(const Violation&) const = default;
};

struct Error {
  Errc code = Errc::internal;
  std::string message;
  std::vector<Violation> violations;
  bool operator==(const Error&) const = default;
};

template <class T>
using Result = tl::expected<T, Error>;

/// `return fail(Errc::not_found, "workload default/web does not exist");`
inline tl::unexpected<Error> fail(Errc code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message), {}});
}
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

/// Upper-case name as in gRPC, e.g. "NOT_FOUND".
const char* to_string(Errc code);

}  // namespace cloudless
