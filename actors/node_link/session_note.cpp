#include "actors/node_link/session_note.hpp"

#include <array>
#include <cstdio>
#include <utility>

namespace cloudless::node_link {
namespace {

constexpr char kCommandRan[] = "CommandRan";

/// As one would write it in a shell's array, without control characters, cut.
std::string shown(const std::string& word) {
  std::string out = "\"";
  for (const char c : word.substr(0, kCommandShown)) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
      out += c;
    else
      out += '?';
  }
  return out + (word.size() > kCommandShown ? "...\"" : "\"");
}

std::string shown(const std::vector<std::string>& command) {
  std::string out;
  for (const auto& word : command) {
    if (out.size() > kCommandShown) return out + " ...";
    out += (out.empty() ? "" : " ") + shown(word);
  }
  return out;
}

struct Told {
  const char* kind;
  std::string what;
};

std::optional<Told> told(const SessionQuery& query) {
  if (const auto* exec = std::get_if<ExecQuery>(&query))
    return Told{kCommandRan, "ran " + shown(exec->command) + (exec->terminal ? " with a terminal" : "")};
  if (const auto* forward = std::get_if<ForwardQuery>(&query))
    return Told{"PortForwarded", "connected to port " + std::to_string(forward->port)};
  if (const auto* copy = std::get_if<CopyQuery>(&query))
    return Told{"FilesCopied", (copy->into ? "copied files to " : "copied files from ") + shown(copy->path)};
  return std::nullopt;
}

std::string seconds(Millis time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f s", static_cast<double>(time) / 1000);
  return text.data();
}

}  // namespace

std::optional<SessionNote> note_of(const SessionOpen& open, const Snapshot& snapshot, Millis now) {
  auto begun = told(open.query);
  if (!begun) return std::nullopt;
  SessionNote note;
  note.began = now;
  note.event.kind = begun->kind;
  note.event.node = open.node;
  note.event.message = (open.principal.empty() ? "somebody" : open.principal) + " " + std::move(begun->what);
  note.event.replica = std::visit(
      [](const auto& query) {
        if constexpr (requires { query.replica; })
          return query.replica;
        else
          return ReplicaId{};
      },
      open.query);
  if (const auto replica = snapshot.replica(note.event.replica)) {
    if (const auto workload = snapshot.workload(replica->workload)) {
      note.event.ns = workload->ns;
      note.event.workload = workload->name;
    }
  }
  return note;
}

Event event_of(SessionNote note, const std::string& how, Millis now, WallMillis wall) {
  note.event.time = wall;
  note.event.message += ": " + how + " after " + seconds(now - note.began);
  return std::move(note.event);
}

std::string words_of(const SessionNote& note, const SessionEnd& end) {
  if (end.error.code != Errc::none) return end.error.message;
  if (end.timed_out) return "killed at its time limit";
  return note.event.kind == kCommandRan ? "exit code " + std::to_string(end.exit_code) : "done";
}

}  // namespace cloudless::node_link
