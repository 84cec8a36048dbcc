// What is known of a replica's probes, as it is reported and stored.
#include "messages/codec/message_bytes.hpp"
#include "messages/codec/record_message.hpp"

namespace cloudless::codec {

void write(const std::vector<ProbeStatus>& statuses, WireProbeStatuses& out) {
  for (const auto& status : statuses) {
    auto& wire = *out.Add();
    wire.set_kind(static_cast<std::uint32_t>(status.kind));
    wire.set_standing(static_cast<std::uint32_t>(status.standing));
    wire.set_failure(status.failure);
    wire.set_since_ms(status.since);
  }
}

bool read(const WireProbeStatuses& wire, std::vector<ProbeStatus>& out) {
  constexpr int kKinds = 3;
  if (wire.size() > kKinds) return false;
  for (const auto& item : wire) {
    auto& status = out.emplace_back();
    status.failure = item.failure();
    if (item.kind() > kKinds || item.standing() > static_cast<std::uint32_t>(ProbeStanding::failing))
      return false;
    if (!read_enum(static_cast<int>(item.kind()), ProbeKind::startup, ProbeKind::readiness, status.kind) ||
        !read_enum(static_cast<int>(item.standing()), ProbeStanding::waiting, ProbeStanding::failing,
                   status.standing) ||
        !read_millis(item.since_ms(), status.since))
      return false;
  }
  return true;
}

}  // namespace cloudless::codec
