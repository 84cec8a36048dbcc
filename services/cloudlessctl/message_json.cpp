#include "services/cloudlessctl/message_json.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>
#include <string_view>

#include "cloudless/api/workload.pb.h"
#include "messages/codec/utf8.hpp"
#include "services/cloudlessctl/base64.hpp"

namespace cloudless::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using nlohmann::ordered_json;

ordered_json message_json(const Message& message, bool with_zeros);

/// As a manifest takes it: modes in octal, and content that is no text in base64.
ordered_json config_file_json(const api::ConfigFile& file) {
  ordered_json out = {{"path", file.path()}};
  if (codec::valid_utf8(file.content()) == file.content() && file.content().find('\0') == std::string::npos)
    out["content"] = file.content();
  else
    out["content_base64"] = to_base64(file.content());
  if (file.has_mode()) {
    std::ostringstream mode;
    mode << '0' << std::oct << file.mode();
    out["mode"] = mode.str();
  }
  return out;
}

/// One value, or item `index` of a list.
ordered_json value_json(const Message& message, const FieldDescriptor& field, int index, bool with_zeros) {
  const auto& r = *message.GetReflection();
  const bool item = index >= 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return item ? r.GetRepeatedInt32(message, &field, index) : r.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return item ? r.GetRepeatedInt64(message, &field, index) : r.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return item ? r.GetRepeatedUInt32(message, &field, index) : r.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return item ? r.GetRepeatedUInt64(message, &field, index) : r.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return item ? r.GetRepeatedDouble(message, &field, index) : r.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return item ? r.GetRepeatedFloat(message, &field, index) : r.GetFloat(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return item ? r.GetRepeatedBool(message, &field, index) : r.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number =
          item ? r.GetRepeatedEnumValue(message, &field, index) : r.GetEnumValue(message, &field);
      const auto* known = field.enum_type()->FindValueByNumber(number);
      return known != nullptr ? ordered_json(known->name()) : ordered_json(number);
    }
    case FieldDescriptor::CPPTYPE_STRING:
      return item ? r.GetRepeatedString(message, &field, index) : r.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return message_json(item ? r.GetRepeatedMessage(message, &field, index) : r.GetMessage(message, &field),
                          with_zeros);
  }
  return nullptr;
}

ordered_json map_json(const Message& message, const FieldDescriptor& field) {
  // A protobuf map has no order; people compare outputs.
  std::map<std::string, std::string> sorted;
  const auto* type = field.message_type();
  for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
    const auto& entry = message.GetReflection()->GetRepeatedMessage(message, &field, i);
    sorted[entry.GetReflection()->GetString(entry, type->map_key())] =
        entry.GetReflection()->GetString(entry, type->map_value());
  }
  ordered_json out = ordered_json::object();
  for (const auto& [key, value] : sorted) out[key] = value;
  return out;
}

ordered_json message_json(const Message& message, bool with_zeros) {
  const auto* type = message.GetDescriptor();
  if (type->full_name() == "google.protobuf.Timestamp") {
    const auto& time = static_cast<const google::protobuf::Timestamp&>(message);
    return rfc3339(time.seconds(), time.nanos());
  }
  if (type->full_name() == "cloudless.api.ConfigFile")
    return config_file_json(static_cast<const api::ConfigFile&>(message));
  if (type->full_name() == "cloudless.api.WorkloadSpec") with_zeros = false;
  ordered_json out = ordered_json::object();
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto& field = *type->field(i);
    if (field.is_repeated()) {
      const int size = reflection.FieldSize(message, &field);
      if (size == 0 && !with_zeros) continue;
      if (field.is_map()) {
        out[field.name()] = map_json(message, field);
        continue;
      }
      auto& list = out[field.name()] = ordered_json::array();
      for (int n = 0; n < size; ++n) list.push_back(value_json(message, field, n, with_zeros));
    } else if (reflection.HasField(message, &field) || (with_zeros && !field.has_presence())) {
      out[field.name()] = value_json(message, field, -1, with_zeros);
    }
  }
  return out;
}

/// A number, a time, a truth value or nothing, for some reader of YAML.
bool reads_as_other_than_text(const std::string& text) {
  constexpr std::string_view kNumber = "0123456789abcdefABCDEFxo+-._:";
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char* word : {"", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"}) {
    if (lower == word) return true;
  }
  return std::string_view("0123456789+-.").find(text.front()) != std::string_view::npos &&
         text.find_first_not_of(kNumber) == std::string::npos;
}

void emit(YAML::Emitter& out, const ordered_json& json) {
  if (json.is_object()) {
    if (json.empty()) out << YAML::Flow;
    out << YAML::BeginMap;
    for (const auto& [key, value] : json.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, value);
    }
    out << YAML::EndMap;
  } else if (json.is_array()) {
    if (json.empty()) out << YAML::Flow;
    out << YAML::BeginSeq;
    for (const auto& item : json) emit(out, item);
    out << YAML::EndSeq;
  } else if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    if (reads_as_other_than_text(text)) out << YAML::DoubleQuoted;
    out << text;
  } else {
    out << json.dump();
  }
}

}  // namespace

std::string rfc3339(std::int64_t seconds, std::int32_t nanos) {
  google::protobuf::Timestamp time;
  time.set_seconds(seconds);
  time.set_nanos(nanos);
  return google::protobuf::util::TimeUtil::ToString(time);
}

ordered_json to_json(const Message& message) {
  return message_json(message, true);
}

std::string to_yaml(const ordered_json& json) {
  YAML::Emitter out;
  emit(out, json);
  return std::string(out.c_str()) + "\n";
}

}  // namespace cloudless::cli
