// The opaque token between two pages of a list: where to go on, and that it belongs to this list.
#pragma once

#include <string>

#include "messages/domain/error.hpp"
#include "messages/domain/ids.hpp"

namespace cloudless::gateway {

struct PageToken {
  /// The store's revision of the page before: the next one must have seen it too.
  Revision revision = 0;
  /// The last item of the page before.
  std::string position;
  bool operator==(const PageToken&) const = default;
};

/// `list` names the method and its filters: a token is good only for the list it was made for.
std::string encode_token(const PageToken& token, const std::string& list);
/// INVALID_ARGUMENT if it is damaged, or from another list.
Result<PageToken> decode_token(const std::string& text, const std::string& list);

}  // namespace cloudless::gateway
