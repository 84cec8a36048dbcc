// Bytes that are no text, as people paste them: RFC 4648, with padding. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cloudless::cli {

std::string to_base64(std::string_view bytes);
/// Blanks and line ends between characters are ignored; absent if anything else is wrong.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace cloudless::cli
