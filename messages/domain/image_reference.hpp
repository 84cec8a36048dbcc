// The grammar of image references: [registry[:port]/]path[:tag][@algorithm:digest].
// Source: the OCI distribution specification, and the reference grammar of the distribution project.
#pragma once

#include <string>
#include <string_view>

namespace cloudless {

/// Empty if `text` is an image reference of 1-512 characters, else what is wrong with it, in words.
std::string image_reference_error(std::string_view text);

/// "sha256:" and 64 hexadecimal digits, or another algorithm's digest of the grammar.
bool is_image_digest(std::string_view text);

/// "host" or "host:port", as it may stand before an image's name.
bool is_registry_name(std::string_view text);

/// The registry that a reference names; "docker.io" if it names none.
std::string_view registry_in(std::string_view reference);

/// The digest inside a reference; empty: it names a tag.
std::string_view digest_in(std::string_view reference);

}  // namespace cloudless
