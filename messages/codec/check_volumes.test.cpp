#include "messages/codec/check_volumes.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <algorithm>

#include "messages/codec/api_spec.hpp"

namespace cloudless::codec {
namespace {

api::WorkloadSpec spec_with(const std::string& text) {
  api::WorkloadSpec out;
  REQUIRE_MESSAGE(google::protobuf::TextFormat::ParseFromString("image: \"a\" " + text, &out), text);
  return out;
}

std::string volume_at(const std::string& path, const std::string& more = "empty_dir {}",
                      const std::string& name = "v") {
  return "volumes { name: '" + name + "' mount_path: '" + path + "' " + more + " } ";
}

std::string file_at(const std::string& path, const std::string& more = {}) {
  return "config_files { path: '" + path + "' " + more + " } ";
}

/// "field reason" of everything that is wrong.
std::vector<std::string> wrong_with(const api::WorkloadSpec& spec) {
  const auto parsed = parse_spec(spec);
  std::vector<std::string> out;
  if (parsed) return out;
  CHECK(parsed.error().code == Errc::invalid_argument);
  for (const auto& violation : parsed.error().violations)
    out.push_back(violation.path + " " + violation.reason);
  return out;
}

TEST_CASE("volumes and files that fit are taken over as they are written") {
  const auto parsed = parse_spec(
      spec_with(volume_at("/data", "empty_dir { size_limit_bytes: 4096 memory: true }", "a") +
                volume_at("/data/inner", "empty_dir {} read_only: true", "b") +
                volume_at("/dev/shm", "empty_dir {}", "c") +
                volume_at("/srv", "host_path { path: '/' } read_only: true", "d") +
                file_at("/data/app.conf", "content: 'a\\000b' mode: 0") + file_at("/etc/app.conf")));
  REQUIRE(parsed.has_value());
  CHECK(parsed->pod.volumes == std::vector<Volume>{{"a", "/data", false, EmptyDir{4096, true}},
                                                   {"b", "/data/inner", true, EmptyDir{}},
                                                   {"c", "/dev/shm", false, EmptyDir{}},
                                                   {"d", "/srv", true, HostPath{"/"}}});
  CHECK(parsed->pod.config_files ==
        std::vector<ConfigFile>{{"/data/app.conf", std::string("a\0b", 3), 0}, {"/etc/app.conf", "", 0644}});
}

struct Case {
  std::string spec, wrong;
};

std::vector<Case> bad_values() {
  const std::string long_name(256, 'n'), long_path = "/" + std::string(200, 'a') + "/";
  std::string too_long;
  while (too_long.size() <= 4096) too_long += long_path.substr(0, 201);
  return {
      {volume_at("/v", "empty_dir {}", ""), "spec.volumes[0].name is required"},
      {volume_at("/v", "empty_dir {}", "Big"), "spec.volumes[0].name must be 1-63 characters"},
      {volume_at("/a", "empty_dir {}", "v") + volume_at("/b"),
       "spec.volumes[1].name is 'v' again, as in spec.volumes[0]"},
      {volume_at("/a", ""), "spec.volumes[0] needs a source: empty_dir or host_path"},
      {volume_at(""), "spec.volumes[0].mount_path is required"},
      {volume_at("data"), "spec.volumes[0].mount_path must be absolute"},
      {volume_at("/"), "spec.volumes[0].mount_path is the root directory"},
      {volume_at("/a/../etc"), "spec.volumes[0].mount_path must not contain '..'"},
      {volume_at("/.."), "spec.volumes[0].mount_path must not contain '..'"},
      {volume_at("/a//b"), "spec.volumes[0].mount_path must be written without '//'"},
      {volume_at("/a/./b"), "spec.volumes[0].mount_path must be written without '//'"},
      {volume_at("/a/"), "spec.volumes[0].mount_path must be written without '//'"},
      {volume_at("/a\\000b"), "spec.volumes[0].mount_path contains a control character"},
      {volume_at("/a\\nb"), "spec.volumes[0].mount_path contains a control character"},
      {volume_at("/" + long_name), "spec.volumes[0].mount_path has a name of more than 255 bytes"},
      {volume_at(too_long), "spec.volumes[0].mount_path is longer than 4096 bytes"},
      {volume_at("/proc"), "spec.volumes[0].mount_path is '/proc': /proc belongs to the kernel"},
      {volume_at("/proc/sys/x"), "spec.volumes[0].mount_path is '/proc/sys/x': /proc belongs to the kernel"},
      {volume_at("/sys/fs"), "spec.volumes[0].mount_path is '/sys/fs': /sys belongs to the kernel"},
      {volume_at("/dev"), "spec.volumes[0].mount_path is '/dev': /dev belongs to the kernel"},
      {volume_at("/dev/shm/x"), "spec.volumes[0].mount_path is '/dev/shm/x': /dev belongs"},
      {volume_at("/etc"), "spec.volumes[0].mount_path is '/etc', where the node puts"},
      {volume_at("/a", "empty_dir { size_limit_bytes: 1 }"),
       "spec.volumes[0].empty_dir.size_limit_bytes is 1, expected"},
      {volume_at("/a", "empty_dir { size_limit_bytes: 1125899906842625 }"),
       "spec.volumes[0].empty_dir.size_limit_bytes is 1125899906842625, expected"},
      {volume_at("/a", "host_path {}"), "spec.volumes[0].host_path.path is required"},
      {volume_at("/a", "host_path { path: 'srv' }"), "spec.volumes[0].host_path.path must be absolute"},
      {volume_at("/a", "host_path { path: '/srv/../etc' }"),
       "spec.volumes[0].host_path.path must not contain '..'"},
      {volume_at("/a", "host_path { path: '/srv//x' }"),
       "spec.volumes[0].host_path.path must be written without '//'"},
      {volume_at("/a", "host_path { path: '/srv\\000x' }"),
       "spec.volumes[0].host_path.path contains a control character"},
      {volume_at("/a", "host_path { path: '" + too_long + "' }"),
       "spec.volumes[0].host_path.path is longer than 4096 bytes"},
      {volume_at("/a", "empty_dir {}", "v") + volume_at("/a", "empty_dir {}", "w"),
       "spec.volumes[1].mount_path is '/a' again, as in spec.volumes[0].mount_path"},
      {volume_at("/a", "empty_dir {} read_only: true", "v") + volume_at("/a/b/c", "empty_dir {}", "w"),
       "spec.volumes[1].mount_path is '/a/b/c', below spec.volumes[0].mount_path, which is read-only"},
      {volume_at("/a", "host_path { path: '/srv' }", "v") + volume_at("/a/b", "empty_dir {}", "w"),
       "spec.volumes[1].mount_path is '/a/b', below spec.volumes[0].mount_path, a directory of the node"},
      {volume_at("/a", "empty_dir {} read_only: true") + file_at("/a/b"),
       "spec.config_files[0].path is '/a/b', below spec.volumes[0].mount_path, which is read-only"},
      {volume_at("/a/b") + file_at("/a"),
       "spec.volumes[0].mount_path is '/a/b', below spec.config_files[0].path, which is a file"},
      {volume_at("/a") + file_at("/a"),
       "spec.config_files[0].path is '/a' again, as in spec.volumes[0].mount_path"},
      {file_at("/a") + file_at("/b") + file_at("/a"),
       "spec.config_files[2].path is '/a' again, as in spec.config_files[0].path"},
      {file_at(""), "spec.config_files[0].path is required"},
      {file_at("a/b"), "spec.config_files[0].path must be absolute"},
      {file_at("/a/../b"), "spec.config_files[0].path must not contain '..'"},
      {file_at("/a\\nb"), "spec.config_files[0].path contains a control character"},
      {file_at("/dev/shm"), "spec.config_files[0].path is '/dev/shm': /dev belongs to the kernel"},
      {file_at("/a", "mode: 512"), "spec.config_files[0].mode must be permission bits"},
      {file_at("/a", "content: '" + std::string(600000, 'x') + "'") +
           file_at("/b", "content: '" + std::string(448577, 'x') + "'"),
       "spec.config_files is 1048577 bytes of content together, at most 1048576"},
  };
}

TEST_CASE("a bad volume or file is refused with its path and the reason") {
  for (const auto& c : bad_values()) {
    CAPTURE(c.spec.substr(0, 300));
    const auto wrong = wrong_with(spec_with(c.spec));
    REQUIRE(wrong.size() == 1);
    CHECK_MESSAGE(wrong[0].starts_with(c.wrong), wrong[0]);
  }
}

/// Names of the fields of a message, those of messages in it behind a point; what is yes or no cannot be bad.
void add_fields(const google::protobuf::Descriptor& message, const std::string& path,
                std::vector<std::string>& out) {
  using Field = google::protobuf::FieldDescriptor;
  for (int i = 0; i < message.field_count(); ++i) {
    const auto& field = *message.field(i);
    if (field.type() == Field::TYPE_MESSAGE)
      add_fields(*field.message_type(), path + field.name() + ".", out);
    else if (field.type() != Field::TYPE_BOOL)
      out.push_back(path + field.name());
  }
}

TEST_CASE("every field that can have a bad value is in the table above") {
  std::vector<std::string> fields;
  add_fields(*api::Volume::descriptor(), "spec.volumes[0].", fields);
  add_fields(*api::ConfigFile::descriptor(), "spec.config_files[0].", fields);
  CHECK(fields.size() == 7);
  const auto rows = bad_values();
  for (auto field : fields) {
    if (field == "spec.config_files[0].content") field = "spec.config_files";  // bounded for all together
    CAPTURE(field);
    CHECK(std::any_of(rows.begin(), rows.end(),
                      [&](const Case& c) { return c.wrong.starts_with(field + " "); }));
  }
}

TEST_CASE("there are at most 64 volumes and 64 files, of at most 1 MiB together") {
  std::string volumes, files;
  for (int i = 0; i < 64; ++i) {
    const auto n = std::to_string(i);
    volumes += volume_at("/v" + n, "empty_dir {}", "v" + n);
    files += file_at("/f" + n, "content: '" + std::string(16384, 'x') + "'");
  }
  CHECK(wrong_with(spec_with(volumes + files)).empty());
  const auto too_many = wrong_with(spec_with(volumes + volume_at("/v")));
  REQUIRE(too_many.size() == 1);
  CHECK_MESSAGE(too_many[0].starts_with("spec.volumes "), too_many[0]);
  const auto too_many_files = wrong_with(spec_with(file_at("/f") + files));
  REQUIRE(too_many_files.size() == 1);
  CHECK_MESSAGE(too_many_files[0].starts_with("spec.config_files "), too_many_files[0]);
}

TEST_CASE("a path that only begins like another is beside it, not below it") {
  CHECK(wrong_with(spec_with(volume_at("/a", "empty_dir {} read_only: true") + file_at("/ab/c") +
                             file_at("/procfile")))
            .empty());
}

}  // namespace
}  // namespace cloudless::codec
