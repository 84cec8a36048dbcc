// What an OCI image says about itself: names, manifests, the config, the chain of its layers. Pure functions
// over the JSON that containerd keeps; used by images.cpp (to find and unpack) and oci_spec.cpp (what to
// run).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/domain/error.hpp"

namespace cloudless::runtime {

struct Blob {
  std::string media_type;
  std::string digest;  ///< "sha256:<64 hex>"
  std::int64_t size = 0;
  bool operator==(const Blob&) const = default;
};

/// An index (children, one of them for this machine) or a manifest (config and layers).
struct ImageManifest {
  std::vector<Blob> children;
  Blob for_this_machine;  ///< of children; an empty digest when this is a manifest
  Blob config;
  std::vector<Blob> layers;
};

struct ImageConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> env;
  std::string working_dir;
  std::string user;
  std::vector<std::string> diff_ids;  ///< digests of the unpacked layers, lowest first
};

/// The whole name of an image: "busybox" is "docker.io/library/busybox:latest". INVALID_ARGUMENT when it is
/// no image name.
Result<std::string> full_image_name(std::string_view image);

/// The name of exactly these bytes: repository and digest, without the tag. `full_name` as full_image_name
/// answers.
std::string name_by_digest(std::string_view full_name, std::string_view digest);

/// `architecture` as Go names it ("amd64"). NOT_FOUND when an index has nothing for Linux on it; DATA_LOSS
/// when the text is no manifest.
Result<ImageManifest> parse_manifest(std::string_view text, std::string_view architecture);
Result<ImageConfig> parse_image_config(std::string_view text);

/// The name of the snapshot that holds these layers: chain(1) = diff 1, chain(n) = sha256(chain(n - 1) + " "
/// + diff n).
std::string chain_id(const std::vector<std::string>& diff_ids);

/// Go's name of this machine's architecture.
std::string_view machine_architecture();

}  // namespace cloudless::runtime
