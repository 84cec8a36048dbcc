// Domain values as messages of proto/cloudless/record, for those that more than one file of the codec needs.
// read() is false for messages that are no value of ours; `out` is then unspecified. Only included by
// messages/codec.
#pragma once

#include "cloudless/record/assignment.pb.h"
#include "cloudless/record/endpoint.pb.h"
#include "cloudless/record/error.pb.h"
#include "cloudless/record/event.pb.h"
#include "cloudless/record/node.pb.h"
#include "cloudless/record/observation.pb.h"
#include "cloudless/record/replica.pb.h"
#include "cloudless/record/secret.pb.h"
#include "cloudless/record/session.pb.h"
#include "cloudless/record/store.pb.h"
#include "cloudless/record/workload.pb.h"
#include "messages/domain/assignment.hpp"
#include "messages/domain/endpoint.hpp"
#include "messages/domain/error.hpp"
#include "messages/domain/event.hpp"
#include "messages/domain/node.hpp"
#include "messages/domain/observation.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/session.hpp"

namespace cloudless::codec {

// error_message.cpp
void write(const Error& error, record::Error& out);
bool read(const record::Error& wire, Error& out);

// secrets.cpp
void write(const RegistryCredentials& credentials, record::RegistryCredentials& out);
bool read(const record::RegistryCredentials& wire, RegistryCredentials& out);
void write(const Secret& secret, record::Secret& out);
bool read(const record::Secret& wire, Secret& out);

// records.cpp
void write(const Workload& workload, record::Workload& out);
bool read(const record::Workload& wire, Workload& out);
void write(const Node& node, record::Node& out);
bool read(const record::Node& wire, Node& out);
void write(const NodeDescription& description, record::NodeDescription& out);
bool read(const record::NodeDescription& wire, NodeDescription& out);
void write(const Event& event, record::Event& out);
bool read(const record::Event& wire, Event& out);

// rollouts.cpp
void write(const Rollout& rollout, record::Rollout& out);
bool read(const record::Rollout& wire, Rollout& out);
void write(const EndpointFollowing& following, record::EndpointFollowing& out);
bool read(const record::EndpointFollowing& wire, EndpointFollowing& out);

// records.cpp; read adds what the message says.
void write(const std::vector<PublishedPort>& ports,
           google::protobuf::RepeatedPtrField<record::PublishedPort>& out);
bool read(const google::protobuf::RepeatedPtrField<record::PublishedPort>& wire,
          std::vector<PublishedPort>& out);

// commits.cpp
void write(const Commit& commit, record::Commit& out);
bool read(const record::Commit& wire, Commit& out);

// observations.cpp
void write(const NodeReport& report, record::NodeReport& out);
bool read(const record::NodeReport& wire, NodeReport& out);
void write(const ReportAck& ack, record::ReportAck& out);
bool read(const record::ReportAck& wire, ReportAck& out);

// probe_statuses.cpp
using WireProbeStatuses = google::protobuf::RepeatedPtrField<record::ProbeStatus>;
void write(const std::vector<ProbeStatus>& statuses, WireProbeStatuses& out);
bool read(const WireProbeStatuses& wire, std::vector<ProbeStatus>& out);

// sessions.cpp
void write(const SessionFrame& frame, record::SessionFrame& out);
bool read(const record::SessionFrame& wire, SessionFrame& out);

}  // namespace cloudless::codec
