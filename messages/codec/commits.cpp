// Commits, and the messages and frames that bring them to followers in other processes.
#include "messages/codec/message_bytes.hpp"
#include "messages/codec/record_message.hpp"
#include "messages/codec/wire.hpp"

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxFramePiece = 64 << 10;

bool read_kind(int wire, RecordKind& out) {
  return read_enum(wire, RecordKind::cluster_meta, RecordKind::rollout, out);
}

bool read_change(const record::Change& wire, Change& out) {
  out.key.id = wire.id();
  if (!read_kind(wire.kind(), out.key.kind) || wire.id().empty()) return false;
  if (!wire.has_value()) return true;
  // A value under another's key would be applied to the wrong record.
  return decode(out.key.kind, wire.value(), out.record.emplace()) && key_of(*out.record) == out.key;
}

bool read_commits(const record::WireCommits& wire, WireCommits& out) {
  out.predecessor = wire.predecessor();
  Revision expected = wire.predecessor();
  for (const auto& commit : wire.commits()) {
    if (!read(commit, out.commits.emplace_back()) || out.commits.back().revision != ++expected) return false;
  }
  return true;
}

bool read_part(const record::WireSnapshotPart& wire, WireSnapshotPart& out) {
  out.revision = wire.revision();
  out.index = wire.index();
  out.last = wire.last();
  for (const auto& stored : wire.records()) {
    RecordKind kind{};
    if (!read_kind(stored.kind(), kind) || !decode(kind, stored.value(), out.records.emplace_back()))
      return false;
  }
  return true;
}

}  // namespace

void write(const Commit& commit, record::Commit& out) {
  out.set_revision(commit.revision);
  for (const auto& change : commit.changes) {
    auto& wire = *out.add_changes();
    wire.set_kind(static_cast<record::RecordKind>(change.key.kind));
    wire.set_id(change.key.id);
    if (change.record) wire.set_value(encode(*change.record));
  }
}

bool read(const record::Commit& wire, Commit& out) {
  out = {};
  out.revision = wire.revision();
  if (wire.revision() == 0 || wire.changes_size() > static_cast<int>(kMaxCommitChanges)) return false;
  for (const auto& change : wire.changes()) {
    if (!read_change(change, out.changes.emplace_back())) return false;
  }
  return true;
}

std::string encode(const Commit& value) {
  record::Commit wire;
  write(value, wire);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, Commit& value) {
  record::Commit wire;
  return from_bytes(bytes, kMaxBatchBytes, wire) && read(wire, value);
}

std::string encode(const WireMessage& value) {
  record::WireMessage wire;
  if (const auto* commits = std::get_if<WireCommits>(&value)) {
    wire.mutable_commits()->set_predecessor(commits->predecessor);
    for (const auto& commit : commits->commits) write(commit, *wire.mutable_commits()->add_commits());
  } else if (const auto* part = std::get_if<WireSnapshotPart>(&value)) {
    auto& out = *wire.mutable_snapshot();
    out.set_revision(part->revision);
    out.set_index(part->index);
    out.set_last(part->last);
    for (const auto& record : part->records) {
      auto& stored = *out.add_records();
      stored.set_kind(static_cast<record::RecordKind>(key_of(record).kind));
      stored.set_value(encode(record));
    }
  }
  return to_bytes(wire);
}

bool decode(std::string_view bytes, WireMessage& value) {
  record::WireMessage wire;
  if (!from_bytes(bytes, kMaxBatchBytes, wire)) return false;
  switch (wire.body_case()) {
    case record::WireMessage::kCommits:
      return read_commits(wire.commits(), value.emplace<WireCommits>());
    case record::WireMessage::kSnapshot:
      return read_part(wire.snapshot(), value.emplace<WireSnapshotPart>());
    case record::WireMessage::BODY_NOT_SET:
      return false;
  }
  return false;
}

std::string encode(const WireFrame& value) {
  record::WireFrame wire;
  wire.set_sequence(value.sequence);
  wire.set_last(value.last);
  wire.set_piece(value.piece);
  return to_bytes(wire);
}

bool decode(std::string_view bytes, WireFrame& value) {
  record::WireFrame wire;
  if (!from_bytes(bytes, kMaxFramePiece + 64, wire) || wire.piece().empty()) return false;
  value = {wire.sequence(), wire.last(), std::move(*wire.mutable_piece())};
  return value.piece.size() <= kMaxFramePiece;
}

}  // namespace cloudless::codec
