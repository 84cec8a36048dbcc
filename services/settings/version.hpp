// The version of this build, from meson.build.
#pragma once

namespace cloudless {

inline constexpr const char* kVersion = CLOUDLESS_VERSION;

}  // namespace cloudless
