// Text from programs and runtimes, on its way into protobuf strings, which must be UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace cloudless::codec {

/// `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

}  // namespace cloudless::codec
