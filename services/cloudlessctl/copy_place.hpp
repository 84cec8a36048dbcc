// FROM and TO of cp: a path here, or one in a container. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace cloudless::cli {

struct CopyPlace {
  std::string target;  ///< empty: here
  std::string path;
  bool operator==(const CopyPlace&) const = default;
};

/// "web:/etc/hosts" is in a container; what has no colon, or a slash before it, is here.
CopyPlace parse_place(const std::string& text);

/// "a/b/" is "b"; what has no name of its own (".", "..", "/") is "root".
std::string last_name(std::string path);

/// "12.3 MiB".
std::string size_text(std::uint64_t bytes);

}  // namespace cloudless::cli
