// The file with the secret that both ends of a link know: one line of 64 hexadecimal digits, readable by its
// owner alone.
#pragma once

#include <string>

#include "messages/domain/error.hpp"

namespace cloudless::node_link {

/// The secret, 32 bytes. NOT_FOUND: no such file. PERMISSION_DENIED: others may read it. INVALID_ARGUMENT:
/// not 64 digits.
Result<std::string> load_secret(const std::string& path);

/// The same, and makes a random one with mode 0600 if the file does not exist (its folder must). Two
/// processes that do so at once end with the same secret.
Result<std::string> load_or_make_secret(const std::string& path);

/// Where a coordinator keeps the secret of its ring, beside that of its node link: whoever knows it is
/// trusted with everything, so agents must not (messages/ring.hpp).
std::string ring_secret_path(const std::string& link_secret_path);

/// `count` bytes of the kernel's randomness.
std::string random_bytes(std::size_t count);

}  // namespace cloudless::node_link
