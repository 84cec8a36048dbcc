// The grammar of image references: [registry[:port]/]path[:tag][@algorithm:digest].
// Source: the OCI distribution specification, and the reference grammar of the distribution project.
#pragma once

#include <string>
#include <string_view>

namespace cloudless {

/// Empty if `text` is an image reference of 1-512 characters, else what is wrong with it, in words.
std::string image_reference_error(std::string_view text);

}  // namespace cloudless
