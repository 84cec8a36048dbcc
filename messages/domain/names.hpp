// The grammar of names: what namespaces, workloads, nodes, labels and the like may be called. Pure checks,
// used wherever words from outside become domain values.
#pragma once

#include <string>
#include <string_view>

namespace cloudless {

/// RFC 1123 label: 1-63 characters of [a-z0-9-], beginning and ending with a letter or digit. Names and
/// namespaces.
bool is_dns_label(std::string_view text);
/// Labels joined by dots, at most `max` characters together. Node ids.
bool is_dns_subdomain(std::string_view text, std::size_t max = 63);
/// A workload's uid: 10 lower-case letters or digits (the server makes hexadecimal ones).
bool is_workload_uid(std::string_view text);
/// "<name>-<uid>-<ordinal>", at most 96 characters.
bool is_replica_id(std::string_view text);
/// 1-76 characters of [A-Za-z0-9._-], beginning with a letter or digit.
bool is_container_id(std::string_view text);
/// 1-63 characters of [A-Za-z0-9._/-].
bool is_label_key(std::string_view text);
/// 0-63 characters of [A-Za-z0-9._/-].
bool is_label_value(std::string_view text);
/// [A-Za-z_][A-Za-z0-9_.-]*, at most 256 characters.
bool is_env_name(std::string_view text);

/// What is wrong with an absolute path: "" if it is 2-4096 bytes of "/name/name", each name at most 255
/// bytes, without ".", ".." and control characters. The text continues a sentence that begins with the path's
/// field.
std::string path_error(std::string_view path);
/// True if `path` is `folder` or lies below it, by whole names.
bool is_path_within(std::string_view path, std::string_view folder);

}  // namespace cloudless
