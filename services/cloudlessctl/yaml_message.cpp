#include "services/cloudlessctl/yaml_message.hpp"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "services/cloudlessctl/base64.hpp"
#include "services/cloudlessctl/quantity.hpp"

namespace cloudless::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr const char* kIntOrPercent = "cloudless.api.IntOrPercent";
constexpr const char* kResourceList = "cloudless.api.ResourceList";
constexpr const char* kConfigFile = "cloudless.api.ConfigFile";
constexpr const char* kEmptyDir = "cloudless.api.Volume.EmptyDir";

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

const char* name_of(YamlValue::Kind kind) {
  switch (kind) {
    case YamlValue::Kind::null:
      return "nothing";
    case YamlValue::Kind::scalar:
      return "a single value";
    case YamlValue::Kind::sequence:
      return "a list";
    case YamlValue::Kind::mapping:
      return "a mapping";
  }
  return "something else";
}

/// "IMAGE_PULL_POLICY_" for ImagePullPolicy.
std::string enum_prefix(const EnumDescriptor& type) {
  std::string out;
  for (const char c : type.name()) {
    if (c >= 'A' && c <= 'Z' && !out.empty()) out += '_';
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out + "_";
}

std::string short_name(const EnumValueDescriptor& value) {
  const auto prefix = enum_prefix(*value.type());
  return value.name().rfind(prefix, 0) == 0 ? value.name().substr(prefix.size()) : value.name();
}

const EnumValueDescriptor* find_enum_value(const EnumDescriptor& type, const std::string& word) {
  if (const auto* exact = type.FindValueByName(word)) return exact;
  return type.FindValueByName(enum_prefix(type) + word);
}

std::string known_values(const EnumDescriptor& type) {
  std::string out;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() == 0) continue;
    out += (out.empty() ? "" : ", ") + short_name(*type.value(i));
  }
  return out;
}

class Filler {
 public:
  Filler(Positions& positions, std::vector<Problem>& problems) : positions_(positions), problems_(problems) {}

  void fill_message(const YamlValue& value, const std::string& path, Message& out) {
    if (value.kind == YamlValue::Kind::null) return;
    if (out.GetDescriptor()->full_name() == kIntOrPercent && value.kind == YamlValue::Kind::scalar)
      return fill_int_or_percent(value, path, out);
    if (value.kind != YamlValue::Kind::mapping) return wrong_kind(value, path, "a mapping");
    std::set<const FieldDescriptor*> seen;
    std::map<const google::protobuf::OneofDescriptor*, std::string> chosen;
    for (const auto& member : value.members) {
      const auto* field = find_field(*out.GetDescriptor(), member.key);
      if (field == nullptr) {
        unknown(*out.GetDescriptor(), member, path);
        continue;
      }
      const auto here = path.empty() ? field->name() : path + "." + field->name();
      positions_.emplace(here, member.at);
      if (!seen.insert(field).second) {
        problem(member.at, here, "is given twice, under two spellings");
        continue;
      }
      if (const auto* choice = field->real_containing_oneof(); choice != nullptr) {
        const auto [first, fresh] = chosen.emplace(choice, field->name());
        if (!fresh) problem(member.at, here, "excludes " + first->second + ", which is given too");
      }
      fill_field(member, *field, here, out);
    }
  }

 private:
  void problem(Position at, const std::string& field, std::string reason) {
    problems_.push_back({at, field, std::move(reason)});
  }
  void wrong_kind(const YamlValue& value, const std::string& path, const std::string& expected) {
    problem(value.at, path, "is " + std::string(name_of(value.kind)) + ", expected " + expected);
  }

  /// Content that is no text.
  static bool is_base64(const std::string& key) { return key == "content_base64" || key == "contentBase64"; }

  static const FieldDescriptor* find_field(const Descriptor& type, const std::string& key) {
    if (const auto* field = type.FindFieldByName(key)) return field;
    if (const auto* field = type.FindFieldByCamelcaseName(key)) return field;
    if (type.full_name() == kConfigFile && is_base64(key)) return type.FindFieldByName("content");
    if (type.full_name() == kEmptyDir && (key == "size_limit" || key == "sizeLimit"))
      return type.FindFieldByName("size_limit_bytes");
    if (type.full_name() != kResourceList) return nullptr;
    if (key == "cpu") return type.FindFieldByName("cpu_millicores");
    if (key == "memory") return type.FindFieldByName("memory_bytes");
    if (key == "storage") return type.FindFieldByName("storage_bytes");
    if (key == "gpu" || key == "gpus") return type.FindFieldByName("gpu_count");
    return nullptr;
  }

  void unknown(const Descriptor& type, const YamlMember& member, const std::string& path) {
    std::vector<std::string> known;
    for (int i = 0; i < type.field_count(); ++i) {
      known.push_back(type.field(i)->name());
      known.push_back(type.field(i)->camelcase_name());
    }
    problem(member.at, path.empty() ? member.key : path + "." + member.key,
            "unknown field" + did_you_mean(member.key, known));
  }

  void fill_field(const YamlMember& member, const FieldDescriptor& field, const std::string& path,
                  Message& out) {
    const auto& value = member.value;
    if (value.kind == YamlValue::Kind::null) return;  // as if it were not there
    if (field.is_map()) return fill_map(value, field, path, out);
    if (field.is_repeated()) return fill_list(value, field, path, out);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
      return fill_message(value, path, *out.GetReflection()->MutableMessage(&out, &field));
    fill_scalar(value, member.key, field, path, out);
  }

  void fill_map(const YamlValue& value, const FieldDescriptor& field, const std::string& path, Message& out) {
    if (value.kind != YamlValue::Kind::mapping) return wrong_kind(value, path, "a mapping");
    const auto* type = field.message_type();
    for (const auto& member : value.members) {
      const auto here = path + "[" + member.key + "]";
      positions_.emplace(here, member.at);
      // The schema's maps are all of text to text.
      if (member.value.kind != YamlValue::Kind::scalar) {
        wrong_kind(member.value, here, "text");
        continue;
      }
      auto* entry = out.GetReflection()->AddMessage(&out, &field);
      entry->GetReflection()->SetString(entry, type->map_key(), member.key);
      entry->GetReflection()->SetString(entry, type->map_value(), member.value.scalar);
    }
  }

  void fill_list(const YamlValue& value, const FieldDescriptor& field, const std::string& path,
                 Message& out) {
    if (value.kind != YamlValue::Kind::sequence) return wrong_kind(value, path, "a list");
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const auto& item = value.items[i];
      const auto here = path + "[" + std::to_string(i) + "]";
      positions_.emplace(here, item.at);
      if (item.kind == YamlValue::Kind::null) {
        wrong_kind(item, here, "a value");
      } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        fill_message(item, here, *out.GetReflection()->AddMessage(&out, &field));
      } else {
        fill_scalar(item, field.name(), field, here, out);
      }
    }
  }

  void fill_int_or_percent(const YamlValue& value, const std::string& path, Message& out) {
    const bool percent = value.scalar.ends_with('%');
    const auto number = parse_whole_number(percent ? value.scalar.substr(0, value.scalar.size() - 1)
                                                   : std::string_view(value.scalar));
    if (!number || *number > std::numeric_limits<std::uint32_t>::max())
      return problem(value.at, path,
                     "is '" + value.scalar + "', expected a number of replicas or a share like 25%");
    const auto* field = out.GetDescriptor()->FindFieldByName(percent ? "percent" : "absolute");
    out.GetReflection()->SetUInt32(&out, field, static_cast<std::uint32_t>(*number));
  }

  static bool is_size(const FieldDescriptor& field) {
    return field.containing_type()->full_name() == kEmptyDir && field.name() == "size_limit_bytes";
  }
  static bool is_mode(const FieldDescriptor& field) {
    return field.containing_type()->full_name() == kConfigFile && field.name() == "mode";
  }

  /// An amount with its unit, where the schema has one.
  static std::optional<std::uint64_t> parse_amount(const std::string& text, const std::string& key,
                                                   const FieldDescriptor& field) {
    if (field.containing_type()->full_name() == kResourceList) {
      if (key == "cpu") return parse_cores(text);
      if (field.name() == "cpu_millicores")
        return text.ends_with('m') ? parse_cores(text) : parse_whole_number(text);
      if (field.name() == "memory_bytes" || field.name() == "storage_bytes") return parse_bytes(text);
    }
    if (is_size(field)) return parse_bytes(text);
    if (is_mode(field)) return parse_mode(text);
    return parse_whole_number(text);
  }
  static const char* expected_amount(const std::string& key, const FieldDescriptor& field) {
    if (field.containing_type()->full_name() == kResourceList) {
      if (key == "cpu") return "cores: 2, 0.5 or 500m";
      if (field.name() == "cpu_millicores") return "thousandths of a core: 500 or 500m";
      if (field.name() == "memory_bytes" || field.name() == "storage_bytes") return "bytes: 67108864 or 64Mi";
    }
    if (is_size(field)) return "bytes: 67108864 or 64Mi";
    if (is_mode(field)) return "permission bits as chmod takes them, with a 0 before: 0640";
    return "a whole number, not negative";
  }

  void fill_scalar(const YamlValue& value, const std::string& key, const FieldDescriptor& field,
                   const std::string& path, Message& out) {
    const bool add = field.is_repeated();
    if (value.kind != YamlValue::Kind::scalar)
      return wrong_kind(value, path,
                        field.cpp_type() == FieldDescriptor::CPPTYPE_STRING ? "text" : "a single value");
    const auto& text = value.scalar;
    const auto* reflection = out.GetReflection();
    if (field.type() == FieldDescriptor::TYPE_BYTES && is_base64(key)) {
      const auto bytes = from_base64(text);
      if (!bytes) return problem(value.at, path, "is not base64");
      reflection->SetString(&out, &field, *bytes);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      add ? reflection->AddString(&out, &field, text) : reflection->SetString(&out, &field, text);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
      if (text != "true" && text != "false")
        return problem(value.at, path, "is '" + text + "', expected true or false");
      reflection->SetBool(&out, &field, text == "true");
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      const auto* known = find_enum_value(*field.enum_type(), text);
      if (known == nullptr)
        return problem(value.at, path,
                       "is '" + text + "', expected one of " + known_values(*field.enum_type()));
      reflection->SetEnum(&out, &field, known);
    } else {
      const auto number = parse_amount(text, key, field);
      const bool narrow = field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32;
      if (!number || (narrow && *number > std::numeric_limits<std::uint32_t>::max()))
        return problem(value.at, path, "is '" + text + "', expected " + expected_amount(key, field));
      if (narrow) {
        const auto small = static_cast<std::uint32_t>(*number);
        add ? reflection->AddUInt32(&out, &field, small) : reflection->SetUInt32(&out, &field, small);
      } else {
        add ? reflection->AddUInt64(&out, &field, *number) : reflection->SetUInt64(&out, &field, *number);
      }
    }
  }

  Positions& positions_;
  std::vector<Problem>& problems_;
};

}  // namespace

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  constexpr std::size_t kClose = 2;
  if (word.size() > 64) return {};
  const std::string* best = nullptr;
  std::size_t best_distance = std::min(kClose + 1, word.size());
  for (const auto& candidate : known) {
    const auto distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best = &candidate;
    best_distance = distance;
  }
  return best != nullptr ? ", did you mean '" + *best + "'?" : std::string();
}

void fill(const YamlValue& value, const std::string& path, Message& out, Positions& positions,
          std::vector<Problem>& problems) {
  Filler(positions, problems).fill_message(value, path, out);
}

}  // namespace cloudless::cli
