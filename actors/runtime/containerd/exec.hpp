// Runs commands in running containers: their pipes, their time, their terminal, and their end, with
// everything they started. Blocking calls to containerd happen in the worker pool, bytes move in the relay
// loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/runtime/cgroups/quick_moves.hpp"
#include "actors/runtime/containerd/client.hpp"
#include "actors/runtime/containerd/relay.hpp"
#include "actors/runtime/containerd/worker_pool.hpp"
#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {

/// What execs work with; all of it outlives them.
struct ExecParts {
  Client& client;
  WorkerPool& jobs;
  RelayLoop& loop;
  QuickMoves& moves;
  std::string state_dir;  ///< where pipes are made for the time being
};

/// NOT_FOUND or FAILED_PRECONDITION when the container does not run, or the command is not in it.
std::unique_ptr<RuntimeStream> open_exec(const ExecParts& parts, const ContainerId& container,
                                         ExecQuery query, std::uint64_t credit,
                                         std::function<void(StreamNews)> tell);

/// The same to its end, without input; keeps query.output_limit of each output. The returned function gives
/// it up.
GiveUp run_exec(const ExecParts& parts, const ContainerId& container, ExecQuery query, Done<ExecResult> done);

/// Ends commands that an agent left when it was killed, and removes their pipes. Nothing must be under way.
void forget_execs(const ExecParts& parts);

}  // namespace cloudless::runtime
