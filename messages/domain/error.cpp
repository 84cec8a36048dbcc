#include "messages/domain/error.hpp"

namespace cloudless {

const char* to_string(Errc code) {
  switch (code) {
    case Errc::none:
      return "OK";
    case Errc::invalid_argument:
      return "INVALID_ARGUMENT";
    case Errc::not_found:
      return "NOT_FOUND";
    case Errc::already_exists:
      return "ALREADY_EXISTS";
    case Errc::aborted:
      return "ABORTED";
    case Errc::failed_precondition:
      return "FAILED_PRECONDITION";
    case Errc::resource_exhausted:
      return "RESOURCE_EXHAUSTED";
    case Errc::unavailable:
      return "UNAVAILABLE";
    case Errc::unimplemented:
      return "UNIMPLEMENTED";
    case Errc::out_of_range:
      return "OUT_OF_RANGE";
    case Errc::deadline_exceeded:
      return "DEADLINE_EXCEEDED";
    case Errc::internal:
      return "INTERNAL";
    case Errc::permission_denied:
      return "PERMISSION_DENIED";
    case Errc::cancelled:
      return "CANCELLED";
    case Errc::data_loss:
      return "DATA_LOSS";
  }
  return "UNKNOWN";
}

}  // namespace cloudless
