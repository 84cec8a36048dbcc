#include "messages/codec/message_bytes.hpp"
#include "messages/codec/record_message.hpp"

namespace cloudless::codec {

constexpr int kMaxViolations = 10000;

void write(const Error& error, record::Error& out) {
  out.set_code(static_cast<std::uint32_t>(error.code));
  out.set_message(error.message);
  for (const auto& violation : error.violations) {
    auto& wire = *out.add_violations();
    wire.set_path(violation.path);
    wire.set_reason(violation.reason);
  }
}

bool read(const record::Error& wire, Error& out) {
  if (wire.code() > static_cast<std::uint32_t>(Errc::data_loss) || wire.violations_size() > kMaxViolations)
    return false;
  out.code = static_cast<Errc>(wire.code());
  out.message = wire.message();
  out.violations.clear();
  for (const auto& violation : wire.violations())
    out.violations.push_back({violation.path(), violation.reason()});
  return true;
}

}  // namespace cloudless::codec
