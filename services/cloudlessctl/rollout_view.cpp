#include "services/cloudlessctl/rollout_view.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <utility>

#include "services/cloudlessctl/message_json.hpp"
#include "services/cloudlessctl/table.hpp"
#include "services/cloudlessctl/views.hpp"

namespace cloudless::cli {
namespace {

using Lines = std::vector<std::string>;

std::int64_t millis_of(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1000 + time.nanos() / 1'000'000;
}

std::string dash_for_none(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::string way_of(const api::Rollout& rollout) {
  if (rollout.from_version() == 0) return std::to_string(rollout.to_version());
  return std::to_string(rollout.from_version()) + " -> " + std::to_string(rollout.to_version());
}

std::string shortened_line(const std::string& line, std::size_t width) {
  if (line.size() <= width || width < 4) return line;
  std::size_t end = width - 3;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) --end;
  return line.substr(0, end) + "...";
}

std::string bar(std::uint32_t done, std::uint32_t all) {
  constexpr std::uint32_t kCells = 24;
  const auto filled = all == 0 ? kCells : std::min(kCells, done * kCells / all);
  return "[" + std::string(filled, '#') + std::string(kCells - filled, '.') + "] " + std::to_string(done) +
         "/" + std::to_string(all);
}

Lines lines_of(const std::string& text) {
  Lines out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(std::move(line));
  return out;
}

/// One line of a difference: ' ', '-' or '+' and the text.
struct Edit {
  char kind;
  std::string text;
};

/// Lengths of the longest common subsequence of what begins at (i, j).
class CommonLengths {
 public:
  CommonLengths(const Lines& a, const Lines& b)
      : columns_(b.size() + 1), cells_((a.size() + 1) * columns_, 0) {
    for (auto i = a.size(); i-- > 0;)
      for (auto j = b.size(); j-- > 0;)
        at(i, j) = a[i] == b[j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
  }
  std::uint32_t& at(std::size_t i, std::size_t j) { return cells_[i * columns_ + j]; }

 private:
  std::size_t columns_;
  std::vector<std::uint32_t> cells_;
};

std::vector<Edit> edits_between(const Lines& a, const Lines& b) {
  /// Beyond that, all of one and all of the other is said.
  constexpr std::size_t kMostCells = 16'000'000;
  std::vector<Edit> out;
  if ((a.size() + 1) * (b.size() + 1) > kMostCells) {
    for (const auto& line : a) out.push_back({'-', line});
    for (const auto& line : b) out.push_back({'+', line});
    return out;
  }
  CommonLengths common(a, b);
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      out.push_back({' ', a[i]});
      ++i, ++j;
    } else if (j == b.size() || (i < a.size() && common.at(i + 1, j) >= common.at(i, j + 1))) {
      out.push_back({'-', a[i++]});
    } else {
      out.push_back({'+', b[j++]});
    }
  }
  return out;
}

/// Length of " s", " min" or " h" here; 0 if there is none.
std::size_t unit_at(const std::string& line, std::size_t at) {
  for (const std::string unit : {" min", " s", " h"}) {
    const auto end = at + unit.size();
    const bool word_ends = end >= line.size() || std::isalnum(static_cast<unsigned char>(line[end])) == 0;
    if (line.compare(at, unit.size(), unit) == 0 && word_ends) return unit.size();
  }
  return 0;
}

}  // namespace

std::string rollout_line(const api::Rollout& rollout) {
  std::string out =
      "rollout " + std::to_string(rollout.number()) + ": " + api::Rollout::Phase_Name(rollout.phase());
  const bool over = rollout.has_ended_at() || rollout.phase() == api::Rollout::SUPERSEDED;
  if (!over || rollout.phase() == api::Rollout::COMPLETED)
    out += ", " + std::to_string(rollout.updated()) + " of " + std::to_string(rollout.wanted()) +
           " updated, " + std::to_string(rollout.available()) + " available";
  if (!rollout.reason().empty()) return out + ": " + rollout.reason();
  if (!rollout.waiting_for().empty()) return out + ": " + rollout.waiting_for();
  return out;
}

std::string key_of_line(const std::string& line) {
  std::string out;
  for (std::size_t i = 0; i < line.size();) {
    std::size_t end = i;
    while (end < line.size() && std::isdigit(static_cast<unsigned char>(line[end])) != 0) ++end;
    const bool is_number = end > i && (i == 0 || line[i - 1] == ' ');
    const auto unit = is_number ? unit_at(line, end) : 0;
    end = std::max(end, i + 1);
    if (unit == 0) out.append(line, i, end - i);
    i = end + unit;
  }
  return out;
}

std::vector<std::string> rollout_block(const api::Rollout& rollout, std::size_t width) {
  Lines out{"rollout " + std::to_string(rollout.number()) + " of " + rollout.namespace_() + "/" +
            rollout.name() + ", version " + way_of(rollout) + ": " +
            api::Rollout::Phase_Name(rollout.phase())};
  if (rollout.wanted() > 0 || rollout.updated() > 0) {
    out.push_back("  updated   " + bar(rollout.updated(), rollout.wanted()));
    out.push_back("  available " + bar(rollout.available(), rollout.wanted()) + ", at least " +
                  std::to_string(rollout.min_available()));
  }
  if (!rollout.reason().empty()) out.push_back("  " + rollout.reason());
  if (!rollout.waiting_for().empty()) out.push_back("  " + rollout.waiting_for());
  for (const auto& note : rollout.notes()) out.push_back("  note: " + note);
  for (auto& line : out) line = shortened_line(line, width);
  return out;
}

std::string rollout_description(const api::Rollout& rollout, std::int64_t now_ms) {
  std::ostringstream out;
  out << "Workload:   " << rollout.namespace_() << "/" << rollout.name() << "\n"
      << "Rollout:    " << rollout.number() << " (" << api::Rollout::Cause_Name(rollout.cause())
      << (rollout.by().empty() ? "" : " by " + rollout.by()) << ")\n"
      << "Version:    " << way_of(rollout) << "\n"
      << "Strategy:   " << api::RolloutPolicy::Strategy_Name(rollout.strategy()) << "\n"
      << "Phase:      " << api::Rollout::Phase_Name(rollout.phase())
      << (rollout.reason().empty() ? "" : ": " + rollout.reason()) << "\n"
      << "Replicas:   " << rollout.wanted() << " wanted, " << rollout.updated() << " updated, "
      << rollout.ready() << " ready, " << rollout.available() << " available (at least "
      << rollout.min_available() << "), " << rollout.unavailable() << " unavailable\n";
  if (!rollout.waiting_for().empty()) out << "Waiting:    " << rollout.waiting_for() << "\n";
  for (const auto& note : rollout.notes()) out << "Note:       " << note << "\n";
  out << "Began:      " << rfc3339(rollout.created_at().seconds(), 0) << " ("
      << age(millis_of(rollout.created_at()), now_ms) << " ago)\n";
  if (rollout.has_ended_at())
    out << "Ended:      " << rfc3339(rollout.ended_at().seconds(), 0) << ", after "
        << age(millis_of(rollout.created_at()), millis_of(rollout.ended_at())) << "\n";
  return out.str();
}

std::string rollout_table(const std::vector<api::Rollout>& rollouts, std::int64_t now_ms) {
  std::vector<Lines> rows;
  for (const auto& rollout : rollouts)
    rows.push_back(
        {std::to_string(rollout.number()), way_of(rollout), api::Rollout::Cause_Name(rollout.cause()),
         api::Rollout::Phase_Name(rollout.phase()), age(millis_of(rollout.created_at()), now_ms),
         rollout.has_ended_at() ? age(millis_of(rollout.created_at()), millis_of(rollout.ended_at())) : "-",
         dash_for_none(rollout.by()),
         dash_for_none(rollout.reason().empty() ? rollout.waiting_for() : rollout.reason())});
  return table_text({{"ROLLOUT", true},
                     {"VERSION"},
                     {"CAUSE"},
                     {"PHASE"},
                     {"AGE", true},
                     {"TOOK", true},
                     {"BY"},
                     {"REASON"}},
                    rows);
}

std::string version_table(const std::vector<api::WorkloadVersion>& versions, std::int64_t now_ms) {
  constexpr std::size_t kDigestShown = 19;
  std::vector<Lines> rows;
  for (const auto& version : versions)
    rows.push_back({std::to_string(version.number()) + (version.current() ? " (current)" : ""),
                    version.image(), dash_for_none(version.image_digest().substr(0, kDigestShown)),
                    version.proven() ? "yes" : "no", version.serving() ? "yes" : "no",
                    std::to_string(version.replicas()), age(millis_of(version.created_at()), now_ms)});
  return table_text(
      {{"VERSION"}, {"IMAGE"}, {"DIGEST"}, {"PROVEN"}, {"SERVING"}, {"REPLICAS", true}, {"AGE", true}}, rows);
}

std::string text_diff(const std::string& from, const std::string& to) {
  constexpr std::size_t kAround = 3;
  if (from == to) return {};
  const auto edits = edits_between(lines_of(from), lines_of(to));
  std::vector<bool> shown(edits.size(), false);
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (edits[i].kind == ' ') continue;
    const auto end = std::min(edits.size(), i + kAround + 1);
    for (auto j = i < kAround ? 0 : i - kAround; j < end; ++j) shown[j] = true;
  }
  std::string out;
  bool skipped = false;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (!shown[i]) {
      skipped = true;
      continue;
    }
    if (std::exchange(skipped, false)) out += "...\n";
    out += std::string(1, edits[i].kind) + edits[i].text + "\n";
  }
  return out;
}

std::string drain_line(const api::Node& node) {
  if (!node.draining()) return "not draining";
  const auto left = node.drain().replicas_left();
  return std::to_string(left) + (left == 1 ? " replica left" : " replicas left");
}

std::vector<std::string> drain_block(const api::Node& node, std::size_t width, std::size_t most) {
  Lines out{"node " + node.id() + ": " + drain_line(node)};
  const auto count = static_cast<std::size_t>(node.drain().left_size());
  for (std::size_t i = 0; i < std::min(count, most); ++i) {
    const auto& left = node.drain().left(static_cast<int>(i));
    out.push_back("  " + left.replica_id() + ": " + left.waiting_for());
  }
  if (node.drain().replicas_left() > most)
    out.push_back("  and " + std::to_string(node.drain().replicas_left() - most) + " more");
  for (auto& line : out) line = shortened_line(line, width);
  return out;
}

}  // namespace cloudless::cli
