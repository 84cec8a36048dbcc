// What is remembered of a session while it lasts, and the event it becomes: who did what where, how it ended,
// how long it took. Never what was sent or received. Pure; the link hub keeps one per session.
#pragma once

#include <optional>
#include <string>

#include "messages/domain/event.hpp"
#include "messages/domain/session.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless::node_link {

struct SessionNote {
  Event event;       ///< its message is what was begun
  Millis began = 0;  ///< steady time
};

/// Absent: sessions of this kind are not recorded (logs).
std::optional<SessionNote> note_of(const SessionOpen& open, const Snapshot& snapshot, Millis now);

/// `how`: its last words, "exit code 0", or why it was broken off.
Event event_of(SessionNote note, const std::string& how, Millis now, WallMillis wall);

/// How an end reads in an event.
std::string words_of(const SessionNote& note, const SessionEnd& end);

/// Characters of a command that an event shows.
inline constexpr std::size_t kCommandShown = 256;

}  // namespace cloudless::node_link
