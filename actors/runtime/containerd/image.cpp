#include "actors/runtime/containerd/image.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace cloudless::runtime {
namespace {

using nlohmann::json;

std::string sha256(const std::string& data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_Digest(data.data(), data.size(), digest.data(), &length, EVP_sha256(), nullptr);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "sha256:";
  for (unsigned i = 0; i < length; ++i) {
    out += kHex[digest[i] >> 4];
    out += kHex[digest[i] & 15];
  }
  return out;
}

Blob blob_of(const json& j) {
  return Blob{j.value("mediaType", ""), j.at("digest").get<std::string>(), j.value("size", std::int64_t{0})};
}

std::vector<std::string> strings(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? std::vector<std::string>{}
                                                   : found->get<std::vector<std::string>>();
}

std::string text_or_empty(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? std::string{} : found->get<std::string>();
}

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == '/';
}

/// Registry part of a name, empty if there is none: Docker's rule, a first part with a dot, a colon, or
/// "localhost".
std::string_view registry_of(std::string_view image) {
  const auto slash = image.find('/');
  if (slash == std::string_view::npos) return {};
  const auto first = image.substr(0, slash);
  const bool registry = first.find_first_of(".:") != std::string_view::npos || first == "localhost";
  return registry ? first : std::string_view{};
}

}  // namespace

Result<std::string> full_image_name(std::string_view image) {
  const auto bad = [&](const char* why) {
    return fail(Errc::invalid_argument, "\"" + std::string(image) + "\" is not an image name: " + why);
  };
  const auto registry = registry_of(image);
  auto rest = registry.empty() ? image : image.substr(registry.size() + 1);
  std::string digest;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    digest = rest.substr(at);
    rest = rest.substr(0, at);
  }
  std::string tag;
  if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
    tag = rest.substr(colon);
    rest = rest.substr(0, colon);
    if (tag.size() < 2 || tag.size() > 129) return bad("the tag must have 1-128 characters");
  }
  if (rest.empty()) return bad("it has no repository");
  if (!std::all_of(rest.begin(), rest.end(), is_name_char))
    return bad("a repository is made of a-z, 0-9, '.', '_', '-' and '/'");
  if (tag.empty() && digest.empty()) tag = ":latest";
  std::string name(registry.empty() ? "docker.io" : registry);
  if ((registry.empty() || registry == "docker.io") && rest.find('/') == std::string_view::npos)
    name += "/library";
  return name + "/" + std::string(rest) + tag + digest;
}

std::string name_by_digest(std::string_view full_name, std::string_view digest) {
  auto repository = full_name.substr(0, full_name.find('@'));
  // A colon before the last slash belongs to the registry's port.
  const auto slash = repository.rfind('/');
  if (const auto colon = repository.find(':', slash == std::string_view::npos ? 0 : slash);
      colon != std::string_view::npos)
    repository = repository.substr(0, colon);
  return std::string(repository) + "@" + std::string(digest);
}

Result<ImageManifest> parse_manifest(std::string_view text, std::string_view architecture) try {
  const auto j = json::parse(text);
  ImageManifest out;
  if (!j.contains("manifests")) {
    out.config = blob_of(j.at("config"));
    for (const auto& layer : j.at("layers")) out.layers.push_back(blob_of(layer));
    return out;
  }
  for (const auto& child : j.at("manifests")) {
    out.children.push_back(blob_of(child));
    const auto platform = child.value("platform", json::object());
    const bool fits = platform.empty() || (platform.value("os", "") == "linux" &&
                                           platform.value("architecture", "") == architecture);
    if (fits && out.for_this_machine.digest.empty()) out.for_this_machine = out.children.back();
  }
  if (out.for_this_machine.digest.empty())
    return fail(Errc::not_found, "the image has no variant for linux/" + std::string(architecture));
  return out;
} catch (const json::exception& e) {
  return fail(Errc::data_loss, std::string("the image's manifest cannot be read: ") + e.what());
}

Result<ImageConfig> parse_image_config(std::string_view text) try {
  const auto j = json::parse(text);
  ImageConfig out;
  out.diff_ids = strings(j.at("rootfs"), "diff_ids");
  if (const auto found = j.find("config"); found != j.end() && !found->is_null()) {
    out.entrypoint = strings(*found, "Entrypoint");
    out.command = strings(*found, "Cmd");
    out.env = strings(*found, "Env");
    out.working_dir = text_or_empty(*found, "WorkingDir");
    out.user = text_or_empty(*found, "User");
  }
  return out;
} catch (const json::exception& e) {
  return fail(Errc::data_loss, std::string("the image's config cannot be read: ") + e.what());
}

std::string chain_id(const std::vector<std::string>& diff_ids) {
  std::string chain;
  for (const auto& diff : diff_ids) chain = chain.empty() ? diff : sha256(chain + " " + diff);
  return chain;
}

std::string_view machine_architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#elif defined(__riscv)
  return "riscv64";
#else
#error "name this machine's architecture as Go does"
#endif
}

}  // namespace cloudless::runtime
