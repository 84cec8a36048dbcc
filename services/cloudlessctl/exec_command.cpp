// exec: a command in a container, with this process's input, output, terminal and exit code.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <istream>
#include <memory>
#include <ostream>
#include <thread>

#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/console.hpp"
#include "services/cloudlessctl/target.hpp"

namespace cloudless::cli {
namespace {

struct ExecOptions {
  std::string target;
  std::vector<std::string> command;
  bool send_stdin = false;
  bool terminal = false;
  double timeout_seconds = 0;
};

using Stream = grpc::ClientReaderWriter<api::ExecInput, api::ExecOutput>;

constexpr std::size_t kPiece = 32 << 10;
constexpr char kStop = 'q';

/// TERM, if it is what a terminal may be called.
std::string term_of_environment() {
  const char* term = std::getenv("TERM");
  const std::string name = term != nullptr ? term : "";
  const bool good = name.size() <= 64 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '+' || c == '-';
                    });
  return good ? name : "";
}

/// Standard input, and the terminal's size, to the command; in a thread of its own.
class Sender {
 public:
  Sender(Stream& stream, Terminal& terminal, bool input, bool window)
      : stream_(stream), terminal_(terminal), input_(input), window_(window) {}

  void run() {
    while (go_on_) {
      std::array<pollfd, 2> ready = {
          {{input_ ? terminal_.in_fd : -1, POLLIN, 0}, {news_.event(), POLLIN, 0}}};
      if (input_ && terminal_.in_fd < 0)
        send_input();  // of a test
      else if (poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR)
        return;
      if (ready[1].revents != 0) heed(news_.take());
      if (go_on_ && ready[0].revents != 0) send_input();
    }
  }
  /// From any thread.
  void stop() { news_.tell(kStop); }

 private:
  void heed(char what) {
    if (what == kStop) go_on_ = false;
    if (what != 'w' || !window_) return;
    api::ExecInput message;
    if (const auto size = window_of(terminal_.in_fd)) *message.mutable_window() = *size;
    if (message.has_window()) go_on_ = stream_.Write(message);
  }

  void send_input() {
    api::ExecInput message;
    std::string piece(kPiece, '\0');
    ssize_t got = 0;
    if (terminal_.in_fd >= 0) {
      got = read(terminal_.in_fd, piece.data(), piece.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    } else {
      terminal_.in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
      got = terminal_.in.gcount();
    }
    if (got > 0) {
      piece.resize(static_cast<std::size_t>(got));
      message.set_stdin(std::move(piece));
    } else {
      message.set_close_stdin(true);
      input_ = false;
    }
    go_on_ = stream_.Write(message);
  }

  Stream& stream_;
  Terminal& terminal_;
  bool input_;
  const bool window_;
  bool go_on_ = true;
  ConsoleNews news_;
};

bool say(int descriptor, std::ostream& out, const std::string& bytes) {
  if (descriptor >= 0) return write_all(descriptor, bytes);
  out << bytes << std::flush;
  return static_cast<bool>(out);
}

struct Outcome {
  grpc::Status status;
  api::ExecEnd end;
  bool reader_left = false;  ///< nobody takes our output any more
};

Outcome talk(Context& context, const api::ExecInput& opening) {
  auto& terminal = context.terminal;
  Outcome outcome;
  grpc::ClientContext call;
  const auto stream = context.client.stub().Exec(&call);
  const bool tty = opening.open().tty();
  Sender sender(*stream, terminal, opening.open().stdin(), tty);
  const auto raw = tty && opening.open().stdin() ? std::make_unique<RawMode>(terminal.in_fd) : nullptr;
  stream->Write(opening);
  std::thread sending([&] { sender.run(); });
  for (api::ExecOutput message; stream->Read(&message);) {
    bool taken = true;
    if (message.has_stdout()) taken = say(terminal.out_fd, terminal.out, message.stdout());
    if (message.has_stderr()) taken = say(terminal.err_fd, terminal.err, message.stderr());
    if (message.has_end()) outcome.end = message.end();
    if (taken) continue;
    outcome.reader_left = true;
    call.TryCancel();
  }
  sender.stop();
  sending.join();
  outcome.status = stream->Finish();
  return outcome;
}

ExitCode exec(Context& context, const ExecOptions& options) {
  auto& terminal = context.terminal;
  api::ExecInput opening;
  auto& open = *opening.mutable_open();
  if (const auto failure = set_target(context, options.target, open)) {
    report(context, *failure);
    return ExitCode::exec_failed;
  }
  for (const auto& word : options.command) open.add_command(word);
  open.set_stdin(options.send_stdin);
  if (options.timeout_seconds > 0)
    open.set_timeout_ms(static_cast<std::uint64_t>(options.timeout_seconds * 1000));
  const bool is_terminal = terminal.in_fd >= 0 && isatty(terminal.in_fd) == 1;
  if (options.terminal && !is_terminal)
    terminal.err << "warning: standard input is not a terminal: going on without -t\n";
  if (options.terminal && is_terminal) {
    open.set_tty(true);
    open.set_term(term_of_environment());
    if (const auto size = window_of(terminal.in_fd)) *open.mutable_window() = *size;
  }
  const auto outcome = talk(context, opening);
  if (outcome.reader_left) return ExitCode::failed;
  if (!outcome.status.ok()) {
    report(context, failure_of(outcome.status));
    return ExitCode::exec_failed;
  }
  if (!outcome.end.timed_out()) return static_cast<ExitCode>(outcome.end.exit_code());
  terminal.err << "error: not finished within " << options.timeout_seconds
               << " s (--timeout); it was killed\n";
  return ExitCode::exec_timeout;
}

}  // namespace

void add_exec_command(CLI::App& parent, Action& action) {
  auto run = std::make_shared<ExecOptions>();
  auto* command =
      parent.add_subcommand("exec", "Run a command in a container: exec [-it] TARGET -- COMMAND...");
  command
      ->add_option("target", run->target,
                   "Name of a workload (its first ready replica), or id of a replica or container")
      ->required();
  command->add_option("command", run->command, "The command, after --")->required();
  command->add_flag("-i,--stdin", run->send_stdin, "Send standard input, up to its end");
  command->add_flag("-t,--tty", run->terminal, "Give the command a terminal: this one, with -i");
  command
      ->add_option("--timeout", run->timeout_seconds, "Seconds, then the command is killed; default: never")
      ->check(CLI::Range(0.001, 86400.0));
  command->callback([&action, run] { action = [run](Context& context) { return exec(context, *run); }; });
}

}  // namespace cloudless::cli
