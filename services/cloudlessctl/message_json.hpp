// Messages of the API as JSON and YAML for people and scripts: names as in the schema (snake_case), numbers
// as numbers, times as RFC 3339. What a spec does not say is left out; elsewhere zeros are there, so that
// scripts can count on them.
#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>
#include <string>

namespace cloudless::cli {

nlohmann::ordered_json to_json(const google::protobuf::Message& message);
std::string to_yaml(const nlohmann::ordered_json& json);

/// "2026-11-20T09:30:00.123Z", without the fraction if it is 0.
std::string rfc3339(std::int64_t seconds, std::int32_t nanos);

}  // namespace cloudless::cli
