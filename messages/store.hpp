// The store's interface. Owners commit to it; followers (deciders, gateways, node_link, events) receive every
// commit once and in order. In this process a commit is a pointer to the new snapshot; for other processes it
// is encoded, with credit.
#pragma once

#include "messages/caf_shim.hpp"
#include "messages/carried.hpp"
#include "messages/domain/record.hpp"
#include "messages/domain/snapshot.hpp"

namespace cloudless {

/// From an owner: an atomic unit of at most kMaxCommitChanges changes. Never leaves the process.
struct CommitRequest {
  std::string owner;  ///< "workload_state", "node_membership", "events"
  /// Set by the owner; once one of its commits is refused, the store refuses all others of that owner and
  /// epoch with UNAVAILABLE, because they were computed on top of it. The owner reloads and goes on with
  /// epoch + 1.
  std::uint64_t epoch = 0;
  std::vector<Change> changes;
  std::vector<Precondition> preconditions;
};
using CommitRequestPtr = std::shared_ptr<const CommitRequest>;

/// To followers in this process: a batch of commits and the snapshot after the last of them. predecessor is
/// the revision before the first; if it is not the follower's own, the follower takes `after` as a fresh
/// load. Never leaves the process.
struct CommitsPublished {
  Revision predecessor = 0;
  std::shared_ptr<const std::vector<Commit>> commits;  ///< never null; empty in the reply to follow
  SnapshotPtr after;                                   ///< never null
};

/// Records of one kind, in the order of their keys. Never leaves the process.
using RecordsPtr = std::shared_ptr<const std::vector<Record>>;

}  // namespace cloudless

CAF_BEGIN_TYPE_ID_BLOCK(cloudless_store, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(cloudless_store, (cloudless::CommitRequestPtr))
CAF_ADD_TYPE_ID(cloudless_store, (cloudless::CommitsPublished))
CAF_ADD_TYPE_ID(cloudless_store, (cloudless::Carried<cloudless::Commit>))
CAF_ADD_TYPE_ID(cloudless_store, (cloudless::RecordsPtr))
CAF_ADD_ATOM(cloudless_store, cloudless, commit_atom, "commit")
CAF_ADD_ATOM(cloudless_store, cloudless, follow_atom, "follow")
CAF_ADD_ATOM(cloudless_store, cloudless, unfollow_atom, "unfollow")
CAF_ADD_ATOM(cloudless_store, cloudless, wire_atom, "wire")
CAF_ADD_ATOM(cloudless_store, cloudless, credit_atom, "credit")
CAF_ADD_ATOM(cloudless_store, cloudless, range_atom, "range")
CAF_ADD_ATOM(cloudless_store, cloudless, sweep_atom, "sweep")
CAF_ADD_ATOM(cloudless_store, cloudless, wake_atom, "wake")
CAF_END_TYPE_ID_BLOCK(cloudless_store)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::CommitRequestPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::CommitsPublished)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(cloudless::RecordsPtr)

namespace cloudless {

/// Receives every commit, in order.
using follower_actor = ActorOf<caf::result<void>(CommitsPublished)>;

/// Anything that can be followed in this process: the store itself, or a mirror of a store elsewhere.
/// (follow_atom, follower) answers with the present snapshot and from then on sends every batch; ends when
/// the follower ends.
using source_actor = ActorOf<caf::result<CommitsPublished>(follow_atom, follower_actor)>;

/// A follower in another process. Frames are encoded WireFrames (messages/codec/frames.hpp).
using wire_follower_actor = ActorOf<caf::result<void>(wire_atom, std::string)>;

using store_actor = ActorOf<
    // From an owner: answers with the commit's revision once it is durable; ABORTED if a precondition fails.
    caf::result<Revision>(commit_atom, CommitRequestPtr),
    // From a follower in this process.
    caf::result<CommitsPublished>(follow_atom, follower_actor),
    // From an owner or the event log while it starts, for what a snapshot does not hold: the first records
    // (never null, at most this many) of a RecordKind whose Key::id comes after the string ("": from the
    // first); an empty answer is the end.
    caf::result<RecordsPtr>(range_atom, std::uint8_t, std::string, std::uint32_t),
    // From a follower in another process that has everything up to the revision (0: nothing) and may be sent
    // this many bytes: answers with the store's revision, then sends what is missing: commits, or a snapshot
    // if they are no longer kept.
    caf::result<Revision>(wire_atom, wire_follower_actor, Revision, std::uint64_t),
    // From a follower in another process: it has taken this many bytes more.
    caf::result<void>(credit_atom, wire_follower_actor, std::uint64_t)>;

}  // namespace cloudless
