#include "services/cloudlessctl/defaults.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "services/cloudlessctl/yaml_message.hpp"

namespace cloudless::cli {
namespace {

tl::unexpected<Error> refuse(const std::string& file, const Problem& problem) {
  return fail(Errc::invalid_argument, to_text(file, problem));
}

bool is_output(const std::string& word) {
  return word == "table" || word == "json" || word == "yaml";
}

struct ConfigFile {
  std::string path;
  bool required = false;
};

ConfigFile config_file(const Environment& environment) {
  if (const auto named = environment("CLOUDLESS_CONFIG"); named && !named->empty()) return {*named, true};
  if (const auto xdg = environment("XDG_CONFIG_HOME"); xdg && !xdg->empty())
    return {*xdg + "/cloudless/cli.yaml", false};
  if (const auto home = environment("HOME"); home && !home->empty())
    return {*home + "/.config/cloudless/cli.yaml", false};
  return {};
}

const std::vector<std::string> kKeys{"server", "ca", "cert", "key", "server_name", "namespace", "output"};

std::string* target_of(const std::string& key, Defaults& defaults) {
  return key == "server"        ? &defaults.endpoint.server
         : key == "ca"          ? &defaults.endpoint.ca
         : key == "cert"        ? &defaults.endpoint.cert
         : key == "key"         ? &defaults.endpoint.key
         : key == "server_name" ? &defaults.endpoint.server_name
         : key == "namespace"   ? &defaults.ns
         : key == "output"      ? &defaults.output
                                : nullptr;
}

bool is_path(const std::string& key) {
  return key == "ca" || key == "cert" || key == "key";
}

std::string beside(const std::string& file, const std::string& path) {
  return std::filesystem::path(file).parent_path() / path;
}

}  // namespace

Result<Defaults> apply_config(std::string_view text, const std::string& file, Defaults defaults) {
  const auto documents = read_yaml(text);
  if (!documents) return refuse(file, documents.error());
  for (const auto& document : *documents) {
    if (document.kind == YamlValue::Kind::null) continue;
    if (document.kind != YamlValue::Kind::mapping)
      return refuse(file, {document.at, {}, "is not a mapping of server, namespace and their like"});
    for (const auto& [key, at, value] : document.members) {
      std::string* target = target_of(key, defaults);
      if (target == nullptr) return refuse(file, {at, key, "unknown key" + did_you_mean(key, kKeys)});
      if (value.kind != YamlValue::Kind::scalar || value.scalar.empty())
        return refuse(file, {value.at, key, "must be text"});
      if (key == "output" && !is_output(value.scalar))
        return refuse(file, {value.at, key, "is '" + value.scalar + "', expected table, json or yaml"});
      *target = is_path(key) ? beside(file, value.scalar) : value.scalar;
    }
  }
  return defaults;
}

Result<Defaults> load_defaults(const Environment& environment) {
  Defaults out;
  if (const auto file = config_file(environment); !file.path.empty()) {
    std::ifstream in(file.path, std::ios::binary);
    if (in) {
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      auto applied = apply_config(text, file.path, out);
      if (!applied) return applied;
      out = std::move(*applied);
    } else if (file.required) {
      return fail(Errc::invalid_argument, file.path + ": cannot be read (CLOUDLESS_CONFIG names it)");
    }
  }
  const auto take = [&](const char* variable, std::string& target) {
    if (const auto value = environment(variable); value && !value->empty()) target = *value;
  };
  take("CLOUDLESS_SERVER", out.endpoint.server);
  take("CLOUDLESS_CA", out.endpoint.ca);
  take("CLOUDLESS_CERT", out.endpoint.cert);
  take("CLOUDLESS_KEY", out.endpoint.key);
  take("CLOUDLESS_SERVER_NAME", out.endpoint.server_name);
  take("CLOUDLESS_NAMESPACE", out.ns);
  if (const auto output = environment("CLOUDLESS_OUTPUT"); output && !output->empty()) {
    if (!is_output(*output))
      return fail(Errc::invalid_argument,
                  "CLOUDLESS_OUTPUT is '" + *output + "', expected table, json or yaml");
    out.output = *output;
  }
  return out;
}

}  // namespace cloudless::cli
