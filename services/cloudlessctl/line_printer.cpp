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

/// Of a line whose end has not come; more of it is printed at once.
constexpr std::size_t kMostKept = 1 << 20;

std::string missing(const api::LogLine& marker) {
  const auto count = marker.dropped_before();
  std::string out = "[";
  if (count > 0) out += std::to_string(count) + " ";
  out += count == 1 ? "line is missing: " : "lines are missing: ";
  if (marker.drop_reason() == api::DROP_REASON_RATE_LIMIT)
    return out + "more than a container may write (container_logs.rate of its agent)]";
  if (marker.drop_reason() == api::DROP_REASON_ROTATED) return out + "rotated away before they were read]";
  return out + "the node's disk was full]";
}

}  // namespace

void LinePrinter::print(const api::LogLine& line) {
  const auto source = line.container_id() + "/" + line.stream();
  auto& open = open_[source];
  if (line.drop_reason() != api::DROP_REASON_UNSPECIFIED) {
    if (!open.empty()) put(std::exchange(open, {}), source, true);
    end_line();
    out_ << prefix(line) << missing(line) << "\n";
    return;
  }
  if (open.empty() && unfinished_ != source) open = prefix(line);
  open += line.line();
  if (line.partial() && open.size() < kMostKept) return;
  put(std::exchange(open, {}), source, !line.partial());
}

void LinePrinter::put(const std::string& text, const std::string& source, bool ends) {
  if (unfinished_ != source) end_line();
  out_ << text;
  if (ends) out_ << "\n";
  unfinished_ = ends ? std::string{} : source;
}

void LinePrinter::end_line() {
  if (!std::exchange(unfinished_, {}).empty()) out_ << "\n";
}

void LinePrinter::finish() {
  for (const auto& [source, open] : open_) {
    if (!open.empty()) put(open, source, true);
  }
  end_line();
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
