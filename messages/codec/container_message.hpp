// Volumes, probes, files and security context of a spec as messages of the API schema; joined into specs by
// spec_message.cpp. read() is false for what no domain value can hold.
#pragma once

#include "cloudless/api/workload.pb.h"
#include "messages/domain/workload.hpp"

namespace cloudless::codec {

void write(const Volume& volume, api::Volume& out);
bool read(const api::Volume& wire, Volume& out);

void write(const ConfigFile& file, api::ConfigFile& out);
bool read(const api::ConfigFile& wire, ConfigFile& out);

void write(const Probe& probe, api::Probe& out);
bool read(const api::Probe& wire, Probe& out);

void write(const SecurityContext& security, api::SecurityContext& out);
bool read(const api::SecurityContext& wire, SecurityContext& out);

/// The fields of a template that messages/domain/container.hpp is about.
void write_container(const Template& pod, api::WorkloadSpec& out);
bool read_container(const api::WorkloadSpec& wire, Template& out);

}  // namespace cloudless::codec
