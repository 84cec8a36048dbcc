#include "services/cloudlessctl/defaults.hpp"

#include <fstream>
#include <iterator>

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

}  // namespace

Result<Defaults> apply_config(std::string_view text, const std::string& file, Defaults defaults) {
  const auto documents = read_yaml(text);
  if (!documents) return refuse(file, documents.error());
  for (const auto& document : *documents) {
    if (document.kind == YamlValue::Kind::null) continue;
    if (document.kind != YamlValue::Kind::mapping)
      return refuse(file, {document.at, {}, "is not a mapping of server, namespace and output"});
    for (const auto& [key, at, value] : document.members) {
      std::string* target = key == "server"      ? &defaults.server
                            : key == "namespace" ? &defaults.ns
                            : key == "output"    ? &defaults.output
                                                 : nullptr;
      if (target == nullptr)
        return refuse(file, {at, key, "unknown key" + did_you_mean(key, {"server", "namespace", "output"})});
      if (value.kind != YamlValue::Kind::scalar || value.scalar.empty())
        return refuse(file, {value.at, key, "must be text"});
      if (key == "output" && !is_output(value.scalar))
        return refuse(file, {value.at, key, "is '" + value.scalar + "', expected table, json or yaml"});
      *target = value.scalar;
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
  if (const auto server = environment("CLOUDLESS_SERVER"); server && !server->empty()) out.server = *server;
  if (const auto ns = environment("CLOUDLESS_NAMESPACE"); ns && !ns->empty()) out.ns = *ns;
  if (const auto output = environment("CLOUDLESS_OUTPUT"); output && !output->empty()) {
    if (!is_output(*output))
      return fail(Errc::invalid_argument,
                  "CLOUDLESS_OUTPUT is '" + *output + "', expected table, json or yaml");
    out.output = *output;
  }
  return out;
}

}  // namespace cloudless::cli
