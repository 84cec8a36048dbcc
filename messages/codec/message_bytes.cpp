#include "messages/codec/message_bytes.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include "messages/domain/image_reference.hpp"
#include "messages/domain/names.hpp"

namespace cloudless::codec {
namespace {

template <class Id>
bool read_id(const std::string& wire, bool valid, Id& out) {
  if (valid) out.value = wire;
  return valid;
}

}  // namespace

std::string to_bytes(const google::protobuf::MessageLite& message) {
  std::string out;
  out.reserve(message.ByteSizeLong());
  {
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializePartialToCodedStream(&coded);
  }
  return out;
}

bool from_bytes(std::string_view bytes, std::size_t limit, google::protobuf::MessageLite& message) {
  // What is wrong is the caller's to report; protobuf would write a line to stderr for every hostile byte.
  const google::protobuf::LogSilencer silence;
  return bytes.size() <= limit && message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

bool read_uid(const std::string& wire, WorkloadUid& out) {
  return read_id(wire, is_workload_uid(wire), out);
}
bool read_replica_id(const std::string& wire, ReplicaId& out) {
  return read_id(wire, is_replica_id(wire), out);
}
bool read_node_id(const std::string& wire, NodeId& out) {
  return read_id(wire, is_dns_subdomain(wire), out);
}
bool read_optional_replica_id(const std::string& wire, ReplicaId& out) {
  return read_id(wire, wire.empty() || is_replica_id(wire), out);
}
bool read_optional_node_id(const std::string& wire, NodeId& out) {
  return read_id(wire, wire.empty() || is_dns_subdomain(wire), out);
}
bool read_optional_container_id(const std::string& wire, ContainerId& out) {
  return read_id(wire, wire.empty() || is_container_id(wire), out);
}

bool read_optional_digest(const std::string& wire, std::string& out) {
  out = wire;
  return wire.empty() || is_image_digest(wire);
}

bool read_name(const std::string& wire, std::string& out) {
  if (!is_dns_label(wire)) return false;
  out = wire;
  return true;
}

bool read_millis(std::int64_t wire, std::int64_t& out) {
  out = wire;
  return wire >= 0;
}

void write_labels(const Labels& labels, WireLabels& out) {
  for (const auto& [key, value] : labels) out[key] = value;
}

void read_labels(const WireLabels& wire, Labels& out) {
  out.clear();
  for (const auto& [key, value] : wire) out.emplace(key, value);
}

bool read_gpus(const google::protobuf::RepeatedField<std::uint32_t>& wire, std::vector<std::uint8_t>& out) {
  constexpr std::uint32_t kMostGpus = 64;
  if (wire.size() > static_cast<int>(kMostGpus)) return false;
  for (const auto gpu : wire) {
    if (gpu >= kMostGpus) return false;
    out.push_back(static_cast<std::uint8_t>(gpu));
  }
  return true;
}

}  // namespace cloudless::codec
