#include "services/cloudlessctl/line_printer.hpp"

#include <google/protobuf/util/time_util.h>

#include <iterator>
#include <ostream>
#include <utility>

namespace cloudless::cli {
namespace {

using google::protobuf::util::TimeUtil;

constexpr const char* kColours[] = {"\033[36m", "\033[33m", "\033[32m", "\033[35m", "\033[34m", "\033[31m"};
constexpr const char* kPlain = "\033[0m";

std::string missing(const api::LogLine& marker) {
  const auto count = marker.dropped_before();
  std::string out = "[";
  if (count > 0) out += std::to_string(count) + " ";
  out += count == 1 ? "line is missing: " : "lines are missing: ";
  switch (marker.drop_reason()) {
    case api::DROP_REASON_RATE_LIMIT:
      out += "more than a container may write (container_logs.rate of its agent)";
      break;
    case api::DROP_REASON_ROTATED:
      out += "rotated away before they were read";
      break;
    default:
      out += "the node's disk was full";
  }
  return out + "]";
}

}  // namespace

void LinePrinter::print(const api::LogLine& line) {
  auto& open = open_[line.container_id() + "/" + line.stream()];
  if (line.drop_reason() != api::DROP_REASON_UNSPECIFIED) {
    if (!open.empty()) out_ << std::exchange(open, {}) << "\n";
    out_ << prefix(line) << missing(line) << "\n";
    return;
  }
  if (open.empty()) open = prefix(line);
  open += line.line();
  if (line.partial()) return;
  out_ << open << "\n";
  open.clear();
}

void LinePrinter::finish() {
  for (const auto& [source, open] : open_) {
    if (!open.empty()) out_ << open << "\n";
  }
  out_ << std::flush;
}

std::string LinePrinter::prefix(const api::LogLine& line) {
  std::string out;
  if (style_.timestamps) out += TimeUtil::ToString(line.time()) + " ";
  if (!style_.with_replica) return out;
  const auto& source = line.replica_id().empty() ? line.container_id() : line.replica_id();
  if (style_.colours) out += colour_of(source);
  out += "[" + source + "]";
  if (style_.colours) out += kPlain;
  return out + " ";
}

const char* LinePrinter::colour_of(const std::string& source) {
  const auto next = kColours[colours_.size() % std::size(kColours)];
  return colours_.try_emplace(source, next).first->second;
}

}  // namespace cloudless::cli
