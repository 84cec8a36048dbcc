#include "actors/runtime/archive/unpack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "actors/runtime/archive/descriptor.hpp"

namespace cloudless::runtime {
namespace {

constexpr std::size_t kPiece = 64 << 10;
constexpr std::size_t kMostPath = 4096;
constexpr std::uint64_t kMostEntries = 1'000'000;
constexpr mode_t kKeptModes = 0777;

using Reader = std::unique_ptr<archive, decltype(&archive_read_free)>;
using Parts = std::vector<std::string>;

tl::unexpected<Error> bad(const std::string& what) {
  return fail(Errc::invalid_argument, "the archive is refused: " + what);
}

tl::unexpected<Error> unwritable(const std::string& name, int error) {
  const auto code = error == ENOSPC || error == EDQUOT ? Errc::resource_exhausted : Errc::failed_precondition;
  return fail(code, "\"" + name + "\" cannot be written: " + std::strerror(error));
}

/// "a/b/" as {a, b}. Absent: it is empty, absolute, too long, or has "..".
std::optional<Parts> parts_of(const std::string& path) {
  if (path.empty() || path.front() == '/' || path.size() > kMostPath) return std::nullopt;
  Parts out;
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto part = path.substr(at, end - at);
    if (part == ".." || part.size() > 255) return std::nullopt;
    if (!part.empty() && part != ".") out.push_back(part);
    at = end + 1;
  }
  return out.empty() ? std::nullopt : std::optional(out);
}

std::string joined(const Parts& parts, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += (i > 0 ? "/" : "") + parts[i];
  return out;
}

/// Whether a link at `parts` that says `target` leads to something below the first of the parts.
bool leads_inside(const Parts& parts, const std::string& target) {
  if (target.empty() || target.front() == '/') return false;
  std::size_t depth = parts.size() - 1;
  for (std::size_t at = 0; at < target.size();) {
    const auto end = std::min(target.find('/', at), target.size());
    const auto part = target.substr(at, end - at);
    if (part == ".." && depth <= 1) return false;
    if (part == "..") --depth;
    if (!part.empty() && part != "." && part != "..") ++depth;
    at = end + 1;
  }
  return true;
}

int open_beneath(int base, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(syscall(SYS_openat2, base, path.empty() ? "." : path.c_str(), &how, sizeof how));
}

std::string temporary_name() {
  static std::atomic<std::uint64_t> counter{0};
  return ".cloudless-copy-" + std::to_string(getpid()) + "-" + std::to_string(++counter);
}

class Unpacker {
 public:
  Unpacker(int base, const UnpackOptions& options, const UnpackDoors& doors)
      : base_(base),
        options_(options),
        doors_(doors),
        in_(archive_read_new(), archive_read_free),
        buffer_(kPiece) {
    archive_read_support_format_tar(in_.get());
    archive_read_open(in_.get(), this, nullptr, read_block, nullptr);
  }

  Result<UnpackTotals> run() {
    archive_entry* entry = nullptr;
    for (;;) {
      const int got = archive_read_next_header(in_.get(), &entry);
      if (got == ARCHIVE_EOF) break;
      if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return broken();
      if (++entries_ > kMostEntries) return bad("it has more than 1000000 entries");
      if (auto done = take(entry); !done) return fail(done.error());
    }
    if (given_up_) return broken();
    if (entries_ == 0) return bad("there is nothing in it");
    drain();
    return finish_directories();
  }

 private:
  struct Directory {
    Parts parts;
    mode_t mode = 0;
    timespec time{};
  };

  static la_ssize_t read_block(archive* in, void* self, const void** bytes) {
    auto& unpacker = *static_cast<Unpacker*>(self);
    const auto got = unpacker.doors_.read(unpacker.buffer_.data(), unpacker.buffer_.size());
    *bytes = unpacker.buffer_.data();
    if (got) return static_cast<la_ssize_t>(*got);
    unpacker.given_up_ = true;
    archive_set_error(in, ECANCELED, "given up");
    return -1;
  }

  tl::unexpected<Error> broken() {
    if (given_up_) return fail(Errc::cancelled, "the copy was given up");
    const char* why = archive_error_string(in_.get());
    return bad(std::string("it is not a tar archive, or is cut off (") + (why != nullptr ? why : "?") + ")");
  }

  /// What comes after the archive's end is padding.
  void drain() {
    for (auto got = doors_.read(buffer_.data(), buffer_.size()); got && *got > 0;)
      got = doors_.read(buffer_.data(), buffer_.size());
  }

  Result<void> take(archive_entry* entry) {
    const char* given = archive_entry_pathname(entry);
    if (given == nullptr) given = archive_entry_pathname_utf8(entry);
    if (given == nullptr) return bad("it has a name that cannot be read");
    auto parts = parts_of(given);
    if (!parts) return bad("\"" + std::string(given) + "\" is not a name below it");
    if (!top_.empty() && parts->front() != top_) return bad("it has more than one thing at its top");
    top_ = parts->front();
    if (!options_.name.empty()) parts->front() = options_.name;
    if (archive_entry_hardlink(entry) != nullptr)
      return bad("\"" + std::string(given) + "\" is a hard link; pack with links as files");
    const auto type = archive_entry_filetype(entry);
    const auto directory = joined(*parts, parts->size() - 1);
    const Descriptor parent(open_beneath(base_, directory, O_RDONLY | O_DIRECTORY));
    if (!parent.open()) return unwritable(directory.empty() ? "." : directory, errno);
    if (type == AE_IFDIR) return make_directory(entry, *parts, parent.number());
    if (type == AE_IFREG) return write_file(entry, *parts, parent.number());
    if (type == AE_IFLNK) return make_link(entry, *parts, parent.number());
    return bad("\"" + std::string(given) + "\" is neither a file nor a directory nor a link");
  }

  Result<void> make_directory(archive_entry* entry, const Parts& parts, int parent) {
    const auto whole = joined(parts, parts.size());
    const bool made = mkdirat(parent, parts.back().c_str(), 0700) == 0;
    if (!made && errno != EEXIST) return unwritable(whole, errno);
    const Descriptor here(
        openat(parent, parts.back().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!here.open()) return unwritable(whole, errno);
    ++totals_.files;
    // What was there before stays as it was.
    if (!made) return {};
    if (options_.owner && fchown(here.number(), options_.owner->first, options_.owner->second) != 0)
      return unwritable(whole, errno);
    directories_.push_back({parts, archive_entry_perm(entry) & kKeptModes, {archive_entry_mtime(entry), 0}});
    return {};
  }

  Result<void> write_file(archive_entry* entry, const Parts& parts, int parent) {
    const auto whole = joined(parts, parts.size());
    const auto temporary = temporary_name();
    const Descriptor file(
        openat(parent, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.open()) return unwritable(whole, errno);
    auto written = fill(entry, whole, file.number());
    if (written) written = dress(entry, whole, file.number());
    if (written && renameat(parent, temporary.c_str(), parent, parts.back().c_str()) != 0)
      written = unwritable(whole, errno);
    if (!written) unlinkat(parent, temporary.c_str(), 0);
    if (written) ++totals_.files;
    return written;
  }

  Result<void> fill(archive_entry* entry, const std::string& whole, int file) {
    std::int64_t size = 0;
    const void* bytes = nullptr;
    size_t length = 0;
    la_int64_t offset = 0;
    for (;;) {
      const int got = archive_read_data_block(in_.get(), &bytes, &length, &offset);
      if (got == ARCHIVE_EOF) break;
      if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return broken();
      for (size_t done = 0; done < length;) {
        const auto put = pwrite(file, static_cast<const char*>(bytes) + done, length - done,
                                offset + static_cast<la_int64_t>(done));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return unwritable(whole, errno);
        done += static_cast<size_t>(put);
      }
      size = std::max<std::int64_t>(size, offset + static_cast<std::int64_t>(length));
      totals_.bytes += length;
    }
    if (size > archive_entry_size(entry)) return bad("\"" + whole + "\" is longer than it says");
    // A hole at the end is of the file, too.
    if (ftruncate(file, archive_entry_size(entry)) != 0) return unwritable(whole, errno);
    return {};
  }

  Result<void> dress(archive_entry* entry, const std::string& whole, int file) {
    const std::array<timespec, 2> times{{{0, UTIME_NOW}, {archive_entry_mtime(entry), 0}}};
    const bool owned = !options_.owner || fchown(file, options_.owner->first, options_.owner->second) == 0;
    if (!owned || fchmod(file, archive_entry_perm(entry) & kKeptModes) != 0) return unwritable(whole, errno);
    futimens(file, times.data());
    return {};
  }

  Result<void> make_link(archive_entry* entry, const Parts& parts, int parent) {
    const auto whole = joined(parts, parts.size());
    const char* target = archive_entry_symlink(entry);
    if (target == nullptr || std::strlen(target) == 0 || std::strlen(target) > kMostPath)
      return bad("the link \"" + whole + "\" leads nowhere");
    if (options_.links_stay_inside && !leads_inside(parts, target)) {
      ++totals_.left_out;
      doors_.warn("\"" + whole + "\" is a link to " + target + ", outside of what is copied");
      return {};
    }
    const auto temporary = temporary_name();
    if (symlinkat(target, parent, temporary.c_str()) != 0) return unwritable(whole, errno);
    const bool owned = !options_.owner || fchownat(parent, temporary.c_str(), options_.owner->first,
                                                   options_.owner->second, AT_SYMLINK_NOFOLLOW) == 0;
    if (!owned || renameat(parent, temporary.c_str(), parent, parts.back().c_str()) != 0) {
      const int error = errno;
      unlinkat(parent, temporary.c_str(), 0);
      return unwritable(whole, error);
    }
    ++totals_.files;
    return {};
  }

  /// Modes and times come last: a directory may be closed to writing.
  Result<UnpackTotals> finish_directories() {
    for (auto it = directories_.rbegin(); it != directories_.rend(); ++it) {
      const auto whole = joined(it->parts, it->parts.size());
      const Descriptor here(open_beneath(base_, whole, O_RDONLY | O_DIRECTORY));
      const std::array<timespec, 2> times{{{0, UTIME_NOW}, it->time}};
      if (!here.open() || fchmod(here.number(), it->mode) != 0) return unwritable(whole, errno);
      futimens(here.number(), times.data());
    }
    return totals_;
  }

  const int base_;
  const UnpackOptions& options_;
  const UnpackDoors& doors_;
  Reader in_;
  std::vector<char> buffer_;
  bool given_up_ = false;
  std::uint64_t entries_ = 0;
  std::string top_;
  std::vector<Directory> directories_;
  UnpackTotals totals_;
};

}  // namespace

Result<UnpackTotals> unpack(int base, const UnpackOptions& options, const UnpackDoors& doors) {
  return Unpacker(base, options, doors).run();
}

int open_in_root(int directory, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(
      syscall(SYS_openat2, directory, path.empty() ? "." : path.c_str(), &how, sizeof how));
}

}  // namespace cloudless::runtime
