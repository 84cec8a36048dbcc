#include "services/cloudlessctl/manifest_files.hpp"

#include <fstream>
#include <istream>
#include <optional>
#include <ostream>
#include <utility>

namespace cloudless::cli {
namespace {

/// The text of a file, or of standard input for "-"; one byte more than a manifest may have is enough to
/// refuse it.
std::optional<std::string> read_file(Context& context, const std::string& file) {
  constexpr std::size_t kMost = (1 << 20) + 1;
  std::ifstream opened;
  if (file != "-") opened.open(file, std::ios::binary);
  std::istream& in = file == "-" ? context.terminal.in : opened;
  std::string text(kMost, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (file != "-" && !opened.is_open())) {
    context.terminal.err << "error: " << file << ": cannot be read\n";
    return std::nullopt;
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

/// The manifest's own namespace, else the command line's. False if they contradict each other.
bool choose_namespace(Context& context, Manifest& manifest) {
  if (manifest.ns.empty()) {
    manifest.ns = context.ns;
  } else if (context.ns_given && context.ns != manifest.ns) {
    const auto problem =
        locate(manifest, {"namespace", "is '" + manifest.ns + "', but -n says '" + context.ns + "'"});
    context.terminal.err << to_text(manifest.file, problem) << "\n";
    return false;
  }
  return true;
}

}  // namespace

tl::expected<std::vector<Manifest>, ExitCode> read_manifests(Context& context,
                                                             const std::vector<std::string>& files) {
  std::vector<Manifest> all;
  ExitCode code = ExitCode::ok;
  for (const auto& file : files) {
    const auto text = read_file(context, file);
    if (!text) return tl::make_unexpected(ExitCode::failed);
    const auto name = file == "-" ? std::string("<stdin>") : file;
    auto manifests = parse_manifests(*text, name);
    if (!manifests) {
      for (const auto& problem : manifests.error()) context.terminal.err << to_text(name, problem) << "\n";
      code = ExitCode::invalid;
      continue;
    }
    for (auto& manifest : *manifests) {
      if (!choose_namespace(context, manifest)) code = ExitCode::invalid;
      all.push_back(std::move(manifest));
    }
  }
  if (code != ExitCode::ok) return tl::make_unexpected(code);
  return all;
}

ExitCode report_manifest(Context& context, const Manifest& manifest, const Failure& failure) {
  for (const auto& violation : failure.violations)
    context.terminal.err << to_text(manifest.file, locate(manifest, violation)) << "\n";
  auto rest = failure;
  rest.violations.clear();
  return report(context, rest);
}

}  // namespace cloudless::cli
