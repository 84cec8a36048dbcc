// Bytes of domain values, as they are stored and sent: encoded messages of proto/cloudless/record. encode
// never fails; decode is false for bytes that are not a value of ours (hostile or torn), and bounds every
// size before it allocates.
#pragma once

#include <string>
#include <string_view>

#include "messages/domain/command.hpp"
#include "messages/domain/endpoint.hpp"
#include "messages/domain/link.hpp"
#include "messages/domain/proposal.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/snapshot.hpp"
#include "messages/domain/usage.hpp"
#include "messages/domain/wire_frame.hpp"

namespace cloudless::codec {

std::string encode(const WorkloadCommand& value);
bool decode(std::string_view bytes, WorkloadCommand& value);
std::string encode(const CommandReply& value);
bool decode(std::string_view bytes, CommandReply& value);
std::string encode(const NodeCommand& value);
bool decode(std::string_view bytes, NodeCommand& value);
std::string encode(const NodeReply& value);
bool decode(std::string_view bytes, NodeReply& value);
std::string encode(const SecretCommand& value);
bool decode(std::string_view bytes, SecretCommand& value);
std::string encode(const SecretReply& value);
bool decode(std::string_view bytes, SecretReply& value);
/// What a sealed secret holds.
std::string encode(const RegistryCredentials& value);
bool decode(std::string_view bytes, RegistryCredentials& value);
std::string encode(const Proposal& value);
bool decode(std::string_view bytes, Proposal& value);
std::string encode(const ProposalAnswer& value);
bool decode(std::string_view bytes, ProposalAnswer& value);
std::string encode(const EndpointFollowing& value);
bool decode(std::string_view bytes, EndpointFollowing& value);
std::string encode(const SessionFrame& value);
bool decode(std::string_view bytes, SessionFrame& value);
std::string encode(const LinkFrame& value);
bool decode(std::string_view bytes, LinkFrame& value);
std::string encode(const AssignmentSet& value);
bool decode(std::string_view bytes, AssignmentSet& value);
std::string encode(const NodeReport& value);
bool decode(std::string_view bytes, NodeReport& value);
std::string encode(const ReportAck& value);
bool decode(std::string_view bytes, ReportAck& value);
std::string encode(const EventQuery& value);
bool decode(std::string_view bytes, EventQuery& value);
std::string encode(const EventList& value);
bool decode(std::string_view bytes, EventList& value);
/// A usage session's output.
std::string encode(const NodeUsage& value);
bool decode(std::string_view bytes, NodeUsage& value);
/// A whole commit, for followers in other processes.
std::string encode(const Commit& value);
bool decode(std::string_view bytes, Commit& value);
/// What the store tells followers in other processes, and the frames it is cut into
/// (messages/codec/frames.hpp).
std::string encode(const WireMessage& value);
bool decode(std::string_view bytes, WireMessage& value);
std::string encode(const WireFrame& value);
bool decode(std::string_view bytes, WireFrame& value);
/// One record's value; the kind comes from its key.
std::string encode(const Record& value);
bool decode(RecordKind kind, std::string_view bytes, Record& value);

}  // namespace cloudless::codec
