// What all of the codec shares: protobuf messages to bytes and back, and checks of numbers and ids that come
// from outside. Only included by messages/codec.
#pragma once

#include <google/protobuf/map.h>
#include <google/protobuf/message_lite.h>
#include <google/protobuf/repeated_field.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "messages/domain/ids.hpp"
#include "messages/domain/workload.hpp"

namespace cloudless::codec {

/// The same value gives the same bytes, maps included.
std::string to_bytes(const google::protobuf::MessageLite& message);
/// False if there are more than `limit` bytes or they are not such a message.
bool from_bytes(std::string_view bytes, std::size_t limit, google::protobuf::MessageLite& message);

/// Limits of what is decoded at all, before anything is allocated. A request of the API is at most 1 MiB.
inline constexpr std::size_t kMaxRecordBytes = 8 << 20;
inline constexpr std::size_t kMaxFrameBytes = 4 << 20;
inline constexpr std::size_t kMaxBatchBytes = 64 << 20;

/// The numbers of domain enums and of their protobuf mirrors are the same.
template <class Enum>
bool read_enum(int wire, Enum first, Enum last, Enum& out) {
  using Number = std::underlying_type_t<Enum>;
  if (wire < static_cast<int>(static_cast<Number>(first)) ||
      wire > static_cast<int>(static_cast<Number>(last)))
    return false;
  out = static_cast<Enum>(wire);
  return true;
}

bool read_uid(const std::string& wire, WorkloadUid& out);
bool read_replica_id(const std::string& wire, ReplicaId& out);
bool read_node_id(const std::string& wire, NodeId& out);
/// These may be empty: absent.
bool read_optional_replica_id(const std::string& wire, ReplicaId& out);
bool read_optional_node_id(const std::string& wire, NodeId& out);
bool read_optional_container_id(const std::string& wire, ContainerId& out);
/// Of an image; may be empty: not known.
bool read_optional_digest(const std::string& wire, std::string& out);
/// Namespace or name.
bool read_name(const std::string& wire, std::string& out);
bool read_millis(std::int64_t wire, std::int64_t& out);
/// Indices of GPUs: at most 64, each below 64.
bool read_gpus(const google::protobuf::RepeatedField<std::uint32_t>& wire, std::vector<std::uint8_t>& out);

using WireLabels = google::protobuf::Map<std::string, std::string>;
void write_labels(const Labels& labels, WireLabels& out);
void read_labels(const WireLabels& wire, Labels& out);

}  // namespace cloudless::codec
