// cp: a file or a directory into or out of a container.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <ostream>
#include <thread>

#include "actors/runtime/archive/descriptor.hpp"
#include "actors/runtime/archive/pack.hpp"
#include "actors/runtime/archive/unpack.hpp"
#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/copy_place.hpp"
#include "services/cloudlessctl/target.hpp"

namespace cloudless::cli {
namespace {

using runtime::Descriptor;
using CopyStream = grpc::ClientReaderWriter<api::CopyInput, api::CopyOutput>;

struct CopyOptions {
  std::string from;
  std::string to;
};

/// One line that says how far it is, drawn over itself on a terminal.
class Progress {
 public:
  Progress(Terminal& terminal, std::uint64_t total) : terminal_(terminal), total_(total) {}
  void add(std::uint64_t bytes) {
    done_ += bytes;
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_.err_is_terminal || now < next_) return;
    next_ = now + std::chrono::milliseconds(200);
    draw();
  }
  void finish() {
    if (!terminal_.err_is_terminal || next_ == std::chrono::steady_clock::time_point{}) return;
    draw();
    terminal_.err << "\n" << std::flush;
  }

 private:
  void draw() {
    terminal_.err << "\r\x1b[K" << size_text(done_);
    if (total_ > 0) terminal_.err << " of " << size_text(total_);
    terminal_.err << std::flush;
  }

  Terminal& terminal_;
  const std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::chrono::steady_clock::time_point next_{};
};

ExitCode complain(Context& context, const Error& error) {
  context.terminal.err << "error: " << error.message << "\n";
  return error.code == Errc::invalid_argument ? ExitCode::invalid : ExitCode::failed;
}

ExitCode cannot(Context& context, const std::string& path) {
  context.terminal.err << "error: " << path << ": " << std::strerror(errno) << "\n";
  return ExitCode::failed;
}

ExitCode upload(Context& context, const std::string& from, const CopyPlace& to) {
  api::CopyInput opening;
  auto& open = *opening.mutable_open();
  if (const auto failure = set_target(context, to.target, open)) return report(context, *failure);
  open.set_path(to.path);
  open.set_into(true);
  const Descriptor item(::open(from.c_str(), O_PATH | O_CLOEXEC));
  if (!item.open()) return cannot(context, from);

  grpc::ClientContext call;
  const auto stream = context.client.stub().Copy(&call);
  stream->Write(opening);
  // What is left out over there is said while we still send.
  std::string warnings;
  std::thread reading([&] {
    for (api::CopyOutput message; stream->Read(&message);) warnings += message.warning();
  });
  Progress progress(context.terminal,
                    context.terminal.err_is_terminal ? runtime::bytes_below(item.number()) : 0);
  std::uint64_t left_out = 0;
  const runtime::PackDoors doors{[&](std::string_view bytes) {
                                   api::CopyInput message;
                                   message.set_data(bytes.data(), bytes.size());
                                   progress.add(bytes.size());
                                   return stream->Write(message);
                                 },
                                 [&](const std::string& what) {
                                   ++left_out;
                                   context.terminal.err << "warning: left out: " << what << "\n";
                                 }};
  const auto packed = runtime::pack(item.number(), last_name(from), doors);
  if (packed) {
    api::CopyInput message;
    message.set_close(true);
    stream->Write(message);
  } else if (packed.error().code != Errc::cancelled) {
    call.TryCancel();
  }
  stream->WritesDone();
  reading.join();
  const auto status = stream->Finish();
  progress.finish();
  context.terminal.err << warnings;
  if (!packed && packed.error().code != Errc::cancelled) return complain(context, packed.error());
  if (!status.ok()) return report(context, failure_of(status));
  return left_out > 0 || !warnings.empty() ? ExitCode::failed : ExitCode::ok;
}

/// The archive's bytes as they come from the stream.
class Incoming {
 public:
  Incoming(CopyStream& stream, Terminal& terminal, Progress& progress)
      : stream_(stream), terminal_(terminal), progress_(progress) {}

  std::size_t take(char* buffer, std::size_t size) {
    while (at_ == message_.data().size()) {
      at_ = 0;
      if (!stream_.Read(&message_)) {
        message_.Clear();
        return 0;
      }
      if (message_.warning().empty()) continue;
      ++warnings_;
      terminal_.err << "warning: left out: " << message_.warning() << std::flush;
    }
    const auto piece = std::min(size, message_.data().size() - at_);
    std::memcpy(buffer, message_.data().data() + at_, piece);
    at_ += piece;
    bytes_ += piece;
    progress_.add(piece);
    return piece;
  }
  std::uint64_t warnings() const { return warnings_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  CopyStream& stream_;
  Terminal& terminal_;
  Progress& progress_;
  api::CopyOutput message_;
  std::size_t at_ = 0;
  std::uint64_t warnings_ = 0;
  std::uint64_t bytes_ = 0;
};

ExitCode download(Context& context, const CopyPlace& from, const std::string& to) {
  api::CopyInput opening;
  auto& open = *opening.mutable_open();
  if (const auto failure = set_target(context, from.target, open)) return report(context, *failure);
  open.set_path(from.path);

  runtime::UnpackOptions options;
  options.links_stay_inside = true;
  Descriptor base(::open(to.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!base.open()) {
    if (to.back() == '/') return cannot(context, to);
    const auto slash = to.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : to.substr(0, slash);
    options.name = last_name(to);
    base = Descriptor(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!base.open()) return cannot(context, parent);
  }

  grpc::ClientContext call;
  const auto stream = context.client.stub().Copy(&call);
  stream->Write(opening);
  stream->WritesDone();
  Progress progress(context.terminal, 0);
  Incoming incoming(*stream, context.terminal, progress);
  const runtime::UnpackDoors doors{
      [&](char* buffer, std::size_t size) { return std::optional(incoming.take(buffer, size)); },
      [&](const std::string& what) { context.terminal.err << "warning: left out: " << what << "\n"; }};
  const auto unpacked = runtime::unpack(base.number(), options, doors);
  if (!unpacked && incoming.bytes() > 0) call.TryCancel();
  const auto status = stream->Finish();
  progress.finish();
  // Why the other side stopped says more than that the archive is cut off.
  if (!status.ok() && status.error_code() != grpc::StatusCode::CANCELLED)
    return report(context, failure_of(status));
  if (!unpacked) return complain(context, unpacked.error());
  return unpacked->left_out + incoming.warnings() > 0 ? ExitCode::failed : ExitCode::ok;
}

ExitCode copy(Context& context, const CopyOptions& options) {
  const auto from = parse_place(options.from), to = parse_place(options.to);
  if (from.target.empty() == to.target.empty()) {
    context.terminal.err
        << "error: one of the two is TARGET:PATH in a container, the other a path here (./a:b for a "
           "local name with a colon)\n";
    return ExitCode::usage;
  }
  if (from.path.empty() || to.path.empty()) {
    context.terminal.err << "error: a path is missing\n";
    return ExitCode::usage;
  }
  return from.target.empty() ? upload(context, from.path, to) : download(context, from, to.path);
}

}  // namespace

void add_copy_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<CopyOptions>();
  auto* command = app.add_subcommand("cp", "Copy a file or directory into or out of a container: cp FROM TO");
  command->add_option("from", options->from, "A path here, or TARGET:PATH in a container")->required();
  command->add_option("to", options->to, "The same; an existing directory takes it under its name")
      ->required();
  command->callback(
      [&action, options] { action = [options](Context& context) { return copy(context, *options); }; });
}

}  // namespace cloudless::cli
