#include "actors/runtime/file_reading.hpp"

#include <dirent.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "actors/runtime/containerd/log_format.hpp"
#include "actors/runtime/runtime_port.hpp"

namespace cloudless::runtime {
namespace {

constexpr std::size_t kBlock = 128 << 10;
constexpr std::size_t kLongestTail = 64 << 20;

std::uint32_t attempt_of(const ContainerId& container) {
  const auto dash = container.value.rfind('-');
  std::uint32_t attempt = 0;
  if (dash != std::string::npos)
    std::from_chars(container.value.data() + dash + 1, container.value.data() + container.value.size(),
                    attempt);
  return attempt;
}

/// Where the last `count` lines of the open file begin; count becomes how many are missing.
std::uint64_t tail_of(const ContainerLog& log, const LogFilter& filter, std::uint32_t& count) {
  const std::uint64_t size = log.size();
  for (std::size_t length = kBlock;; length *= 2) {
    const std::uint64_t from = size > length ? size - length : 0;
    std::string bytes = log.read(from, static_cast<std::size_t>(size - from));
    // Whole records only: not the one that the block begins in, nor the one that is being written.
    const std::size_t first = from == 0 ? 0 : bytes.find('\n') + 1;
    const std::size_t last = bytes.rfind('\n') + 1;
    std::uint32_t missing = count;
    const std::string_view records = std::string_view{bytes}.substr(first, std::max(first, last) - first);
    const std::size_t start = tail_start(records, filter, missing);
    if (missing == 0 || from == 0 || length >= kLongestTail) {
      count = length >= kLongestTail ? 0 : missing;
      return from + first + start;
    }
  }
}

LogLine rotated_marker(const ContainerId& container, std::uint64_t lines) {
  LogLine out;
  out.container = container;
  out.drop_reason = DropReason::rotated;
  out.dropped_before = lines;
  return out;
}

}  // namespace

std::vector<ContainerId> kept_containers(const std::string& dir, const ReplicaId& replica) {
  const std::string prefix = container_prefix(replica);
  std::map<std::uint32_t, ContainerId> found;
  DIR* folder = ::opendir(dir.c_str());
  while (const dirent* entry = folder ? ::readdir(folder) : nullptr) {
    const auto file = parse_log_name(entry->d_name);
    if (!file || !file->name.starts_with(prefix)) continue;
    const std::string_view digits = file->name.substr(prefix.size());
    std::uint32_t attempt = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), attempt);
    if (error == std::errc{} && end == digits.data() + digits.size())
      found[attempt] = ContainerId{std::string{file->name}};
  }
  if (folder) ::closedir(folder);
  while (found.size() > kMostAttemptsRead) found.erase(found.begin());
  std::vector<ContainerId> out;
  out.reserve(found.size());
  for (auto& [attempt, container] : found) out.push_back(std::move(container));
  return out;
}

FileReading::FileReading(std::string dir, LogRequest request, std::function<void(LogBatch)> deliver)
    : dir_(std::move(dir)), request_(std::move(request)), deliver_(std::move(deliver)) {}

void FileReading::add_container(ContainerId container) {
  auto& all = request_.containers;
  if (std::find(all.begin(), all.end(), container) == all.end()) all.push_back(std::move(container));
}

FileReading::Progress FileReading::advance() {
  if (ended_) return Progress::ended;
  if (!std::exchange(begun_, true)) begin();
  if (lost_) return tell_lost();
  return open() ? read() : next_container();
}

void FileReading::begin() {
  const auto& query = request_.query;
  filter_ = filter_of(query);
  if (request_.containers.empty()) {
    auto kept = kept_containers(dir_, query.replica);
    // What the newest attempt is, only its files say: the replica is not here any more.
    if (query.previous) kept = kept.size() < 2 ? decltype(kept){} : decltype(kept){kept[kept.size() - 2]};
    request_.containers = std::move(kept);
  }
  if (!query.follow && !request_.more_may_come) find_end();
  if (query.after)
    find_position(*query.after);
  else if (query.tail_lines)
    find_tail(*query.tail_lines);
}

void FileReading::find_end() {
  for (std::size_t n = request_.containers.size(); n > 0 && !last_; --n) {
    ContainerLog log(dir_, request_.containers[n - 1]);
    const auto numbers = log.numbers();
    if (!numbers.empty() && log.open(numbers.back())) last_ = {n - 1, numbers.back(), log.size()};
  }
}

/// From the newest file backwards, until enough lines are found.
void FileReading::find_tail(std::uint32_t count) {
  const auto& containers = request_.containers;
  for (at_ = containers.size(); at_ > 0;) {
    log_ = std::make_unique<ContainerLog>(dir_, containers[--at_]);
    const auto numbers = log_->numbers();
    for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
      if (!open(*log_, *number)) continue;
      offset_ = tail_of(*log_, filter_, count);
      if (count == 0) return;
    }
  }
  log_.reset();
  offset_ = 0;
  final_ = false;
}

void FileReading::find_position(const LogPosition& after) {
  const auto& containers = request_.containers;
  const auto attempt = attempt_of(after.container);
  while (at_ < containers.size() && attempt_of(containers[at_]) < attempt) ++at_;
  if (at_ == containers.size() || containers[at_] != after.container) return;
  const auto place = file_place(after.position);
  log_ = std::make_unique<ContainerLog>(dir_, container());
  if (!open(*log_, place.file)) {
    // Rotated away meanwhile: how many lines, nobody knows any more.
    if (!log_->numbers().empty()) lost_ = rotated_marker(container(), 0);
    log_.reset();
    return;
  }
  offset_ = place.offset;
}

bool FileReading::open(ContainerLog& log, std::uint32_t number) {
  if (!log.open(number)) return false;
  found_ = true;
  final_ = log.exists(number + 1);
  return true;
}

/// The file to read, from the first one on.
bool FileReading::open() {
  if (log_ && log_->is_open()) return true;
  if (at_ >= request_.containers.size()) return false;
  if (!log_) log_ = std::make_unique<ContainerLog>(dir_, container());
  // The first one is the one most often there; without it, it is looked for.
  if (open(*log_, 0)) return true;
  for (const auto number : log_->numbers())
    if (open(*log_, number)) return true;
  return false;
}

FileReading::Progress FileReading::read() {
  const bool too_old = filter_.after_nanos && offset_ == 0 && final_ &&
                       (log_->written_at() + 1) * 1'000'000 < *filter_.after_nanos;
  if (too_old) return next_file();
  std::size_t length = kBlock;
  if (in_last_file()) {
    const auto end = log_->number() == last_->file ? last_->size : 0;
    length = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, end - std::min(end, offset_)));
  }
  const std::string bytes = log_->read(offset_, length);
  LogPiece piece =
      read_piece(bytes, filter_, container(), request_.credit, log_position(log_->number(), offset_));
  offset_ += piece.consumed;
  request_.credit -= piece.cost;
  if (!piece.lines.empty()) deliver_({std::move(piece.lines), false, {Errc::none, {}, {}}, false});
  if (piece.out_of_credit) return Progress::stalled;
  if (piece.consumed > 0) return Progress::more;
  if (in_last_file() && bytes.size() < kBlock) return next_container();
  // A record without an end that fills the block is none of ours.
  if (bytes.size() == kBlock) offset_ += kBlock;
  return bytes.size() == kBlock ? Progress::more : end_of_file();
}

FileReading::Progress FileReading::end_of_file() {
  if (final_) return next_file();
  // Only once the next one exists, this one has its last line: then it is looked at once more.
  if (!log_->exists(log_->number() + 1) && !log_->removed()) return next_container();
  final_ = true;
  return Progress::more;
}

FileReading::Progress FileReading::next_file() {
  const auto number = log_->number();
  offset_ = 0;
  auto next = std::make_unique<ContainerLog>(dir_, container());
  if (open(*next, number + 1)) {
    log_ = std::move(next);
    return Progress::more;
  }
  const auto before = log_->lines_to_end();
  for (const auto later : next->numbers()) {
    if (later <= number || !open(*next, later)) continue;
    if (const auto count = lines_lost(before, next->lines_before())) {
      lost_ = rotated_marker(container(), count);
      lost_->position = log_position(later, 0);
    }
    log_ = std::move(next);
    return Progress::more;
  }
  // Removed with all that came after it.
  log_ = std::move(next);
  return next_container();
}

std::uint64_t FileReading::lines_lost(LineCounts from, LineCounts to) const {
  std::uint64_t lost = 0;
  if (filter_.want_stdout && to.out > from.out) lost += to.out - from.out;
  if (filter_.want_stderr && to.err > from.err) lost += to.err - from.err;
  return lost;
}

FileReading::Progress FileReading::tell_lost() {
  const auto cost = session_bytes(*lost_);
  if (cost > request_.credit) return Progress::stalled;
  request_.credit -= cost;
  LogBatch batch;
  batch.lines.push_back(std::move(*lost_));
  lost_.reset();
  deliver_(std::move(batch));
  return Progress::more;
}

/// The end of a container's files: on to the next attempt's, or wait, or the end.
FileReading::Progress FileReading::next_container() {
  if (at_ + 1 < request_.containers.size()) {
    ++at_;
    offset_ = 0;
    final_ = false;
    log_.reset();
    return Progress::more;
  }
  if (request_.more_may_come) return wait();
  end();
  return Progress::ended;
}

FileReading::Progress FileReading::wait() {
  if (!std::exchange(caught_up_, true)) {
    LogBatch batch;
    batch.caught_up = true;
    deliver_(std::move(batch));
  }
  return Progress::waiting;
}

void FileReading::end() {
  LogBatch last;
  last.ended = true;
  const auto& query = request_.query;
  const std::string& name = query.container.empty() ? query.replica.value : query.container.value;
  if (!found_ && query.previous)
    last.error = {
        Errc::not_found, "no log of an attempt before the newest of " + name + " is kept on this node", {}};
  else if (!found_)
    last.error = {Errc::not_found, "no log of " + name + " is kept on this node", {}};
  ended_ = true;
  deliver_(std::move(last));
}

}  // namespace cloudless::runtime
