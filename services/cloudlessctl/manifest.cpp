#include "services/cloudlessctl/manifest.hpp"

#include <algorithm>

namespace cloudless::cli {
namespace {

constexpr const char* kApiVersion = "cloudless.io/v1";
constexpr const char* kKind = "Workload";

using Problems = std::vector<Problem>;

const YamlMember* find(const YamlValue& mapping, const std::string& key) {
  for (const auto& member : mapping.members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

/// Says which keys are not among `known`.
void check_keys(const YamlValue& mapping, const std::string& path, const std::vector<std::string>& known,
                Problems& problems) {
  for (const auto& member : mapping.members) {
    if (std::find(known.begin(), known.end(), member.key) == known.end())
      problems.push_back({member.at, path + member.key, "unknown field" + did_you_mean(member.key, known)});
  }
}

void expect(const YamlValue& document, const std::string& key, const std::string& wanted,
            Problems& problems) {
  const auto* member = find(document, key);
  if (member == nullptr)
    problems.push_back({document.at, key, "is required, and must be " + wanted});
  else if (member->value.scalar != wanted)
    problems.push_back({member->value.at, key, "is '" + member->value.scalar + "', expected " + wanted});
}

std::string text_of(const YamlMember& member, const std::string& path, Problems& problems) {
  if (member.value.kind != YamlValue::Kind::scalar) problems.push_back({member.at, path, "must be text"});
  return member.value.scalar;
}

void read_labels(const YamlMember& labels, Manifest& out, Problems& problems) {
  api::WorkloadSpec carrier;
  YamlValue wrapped;
  wrapped.kind = YamlValue::Kind::mapping;
  wrapped.members.push_back({"labels", labels.at, labels.value});
  fill(wrapped, "metadata", carrier, out.positions, problems);
  auto& all = *out.spec.mutable_labels();
  for (const auto& [key, value] : carrier.labels()) {
    const auto found = all.find(key);
    if (found != all.end() && found->second != value)
      problems.push_back({out.positions["metadata.labels[" + key + "]"], "metadata.labels[" + key + "]",
                          "is '" + value + "', but spec.labels says '" + found->second + "'"});
    all[key] = value;
    // The server knows labels only as part of the spec.
    out.positions.emplace("spec.labels[" + key + "]", out.positions["metadata.labels[" + key + "]"]);
  }
}

void read_metadata(const YamlValue& document, Manifest& out, Problems& problems) {
  const auto* metadata = find(document, "metadata");
  if (metadata == nullptr || metadata->value.kind != YamlValue::Kind::mapping) {
    problems.push_back(
        {metadata == nullptr ? document.at : metadata->at, "metadata", "is required, with at least a name"});
    return;
  }
  out.positions.emplace("metadata", metadata->at);
  check_keys(metadata->value, "metadata.", {"name", "namespace", "labels"}, problems);
  if (const auto* name = find(metadata->value, "name")) {
    out.name = text_of(*name, "metadata.name", problems);
    out.positions.emplace("metadata.name", name->value.at);
  }
  if (out.name.empty()) problems.push_back({metadata->at, "metadata.name", "is required"});
  if (const auto* ns = find(metadata->value, "namespace");
      ns != nullptr && ns->value.kind != YamlValue::Kind::null) {
    out.ns = text_of(*ns, "metadata.namespace", problems);
    out.positions.emplace("metadata.namespace", ns->value.at);
  }
  if (const auto* labels = find(metadata->value, "labels")) read_labels(*labels, out, problems);
}

Manifest read_document(const YamlValue& document, const std::string& file, Problems& problems) {
  Manifest out{file, document.at, {}, {}, {}, {}};
  if (document.kind != YamlValue::Kind::mapping) {
    problems.push_back({document.at, {}, "is not a manifest: expected apiVersion, kind, metadata and spec"});
    return out;
  }
  check_keys(document, "", {"apiVersion", "kind", "metadata", "spec"}, problems);
  expect(document, "apiVersion", kApiVersion, problems);
  expect(document, "kind", kKind, problems);
  const auto* spec = find(document, "spec");
  if (spec == nullptr || spec->value.kind == YamlValue::Kind::null) {
    problems.push_back({spec == nullptr ? document.at : spec->at, "spec", "is required"});
  } else {
    out.positions.emplace("spec", spec->at);
    fill(spec->value, "spec", out.spec, out.positions, problems);
  }
  read_metadata(document, out, problems);
  return out;
}

}  // namespace

tl::expected<std::vector<Manifest>, std::vector<Problem>> parse_manifests(std::string_view text,
                                                                          const std::string& file) {
  auto documents = read_yaml(text);
  if (!documents) return tl::make_unexpected(Problems{documents.error()});
  Problems problems;
  std::vector<Manifest> out;
  for (const auto& document : *documents) {
    if (document.kind != YamlValue::Kind::null) out.push_back(read_document(document, file, problems));
  }
  if (out.empty() && problems.empty()) problems.push_back({{1, 1}, {}, "has no manifest in it"});
  if (!problems.empty()) return tl::make_unexpected(std::move(problems));
  return out;
}

Problem locate(const Manifest& manifest, const Violation& violation) {
  std::string field = violation.path;
  if (field == "name" || field == "namespace") field = "metadata." + field;
  // The field itself may be absent in the manifest: then what holds it.
  for (std::string path = field; !path.empty();) {
    if (const auto found = manifest.positions.find(path); found != manifest.positions.end())
      return {found->second, field, violation.reason};
    const auto cut = path.find_last_of(".[");
    path = cut == std::string::npos ? std::string() : path.substr(0, cut);
  }
  return {manifest.at, field, violation.reason};
}

}  // namespace cloudless::cli
