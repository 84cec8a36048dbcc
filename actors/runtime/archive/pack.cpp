#include "actors/runtime/archive/pack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "actors/runtime/archive/descriptor.hpp"

namespace cloudless::runtime {
namespace {

constexpr int kBlock = 64 << 10;
/// Deeper than any path may be long.
constexpr int kMostDepth = 2048;

using Writer = std::unique_ptr<archive, decltype(&archive_write_free)>;
using EntryPtr = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;

tl::unexpected<Error> problem(const std::string& name, int error) {
  return fail(Errc::failed_precondition, "\"" + name + "\" cannot be read: " + std::strerror(error));
}

/// An O_PATH descriptor, opened anew for reading: nothing can have been put in its place.
Descriptor reopen(int item, int flags) {
  const auto path = "/proc/self/fd/" + std::to_string(item);
  return Descriptor(open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
}

std::vector<std::string> names_in(int directory) {
  std::vector<std::string> names;
  DIR* listing = fdopendir(dup(directory));
  if (listing == nullptr) return names;
  rewinddir(listing);
  while (const dirent* found = readdir(listing)) {
    const std::string name = found->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(listing);
  std::sort(names.begin(), names.end());
  return names;
}

class Packer {
 public:
  explicit Packer(const PackDoors& doors) : doors_(doors), out_(archive_write_new(), archive_write_free) {
    archive_write_set_format_gnutar(out_.get());
    archive_write_set_bytes_per_block(out_.get(), kBlock);
    archive_write_set_bytes_in_last_block(out_.get(), 1);
    archive_write_open(out_.get(), this, nullptr, write_block, nullptr);
  }

  Result<void> add(int item, const std::string& name, int depth) {
    struct stat status {};
    if (fstatat(item, "", &status, AT_EMPTY_PATH) != 0) return problem(name, errno);
    if (S_ISDIR(status.st_mode)) return add_directory(item, name, status, depth);
    if (S_ISREG(status.st_mode)) return add_file(item, name, status);
    if (S_ISLNK(status.st_mode)) return add_link(item, name, status);
    const std::string what = "\"" + name + "\" is neither a file nor a directory nor a link";
    if (depth == 0) return fail(Errc::failed_precondition, what + ": it cannot be copied");
    leave_out(what);
    return {};
  }

  Result<PackTotals> close() {
    const bool good = archive_write_close(out_.get()) == ARCHIVE_OK;
    if (!good) return broken();
    return totals_;
  }

 private:
  static la_ssize_t write_block(archive* out, void* self, const void* bytes, size_t size) {
    auto& packer = *static_cast<Packer*>(self);
    if (packer.doors_.write({static_cast<const char*>(bytes), size})) return static_cast<la_ssize_t>(size);
    packer.stopped_ = true;
    archive_set_error(out, ECANCELED, "nobody reads it");
    return -1;
  }

  tl::unexpected<Error> broken() {
    if (stopped_) return fail(Errc::cancelled, "the copy was given up");
    const char* why = archive_error_string(out_.get());
    return fail(Errc::internal,
                std::string("the archive cannot be written: ") + (why != nullptr ? why : "?"));
  }

  void leave_out(const std::string& what) {
    ++totals_.left_out;
    doors_.warn(what);
  }

  Result<void> begin(const std::string& name, const struct stat& status, const std::string& link = {}) {
    const EntryPtr entry(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), status.st_mode & S_IFMT);
    archive_entry_set_perm(entry.get(), status.st_mode & 07777);
    archive_entry_set_uid(entry.get(), status.st_uid);
    archive_entry_set_gid(entry.get(), status.st_gid);
    archive_entry_set_mtime(entry.get(), status.st_mtim.tv_sec, 0);
    archive_entry_set_size(entry.get(), S_ISREG(status.st_mode) ? status.st_size : 0);
    if (S_ISLNK(status.st_mode)) archive_entry_set_symlink(entry.get(), link.c_str());
    if (archive_write_header(out_.get(), entry.get()) != ARCHIVE_OK) return broken();
    ++totals_.files;
    return {};
  }

  Result<void> add_directory(int item, const std::string& name, const struct stat& status, int depth) {
    const auto directory = reopen(item, O_RDONLY | O_DIRECTORY);
    if (!directory.open()) return unreadable(name, errno, depth);
    if (auto begun = begin(name + "/", status); !begun) return begun;
    if (depth >= kMostDepth) return fail(Errc::failed_precondition, "\"" + name + "\" is nested too deeply");
    for (const auto& child : names_in(directory.number())) {
      const Descriptor found(openat(directory.number(), child.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      if (!found.open()) {
        if (errno != ENOENT) leave_out("\"" + name + "/" + child + "\": " + std::strerror(errno));
        continue;
      }
      if (auto added = add(found.number(), name + "/" + child, depth + 1); !added) return added;
    }
    return {};
  }

  Result<void> unreadable(const std::string& name, int error, int depth) {
    if (depth == 0) return problem(name, error);
    leave_out("\"" + name + "\" cannot be read: " + std::strerror(error));
    return {};
  }

  Result<void> add_file(int item, const std::string& name, const struct stat& status) {
    const auto file = reopen(item, O_RDONLY);
    if (!file.open()) return unreadable(name, errno, name.find('/') == std::string::npos ? 0 : 1);
    if (auto begun = begin(name, status); !begun) return begun;
    std::vector<char> piece(kBlock);
    // What is written to it meanwhile does not count; what is missing would make the copy a lie.
    for (auto left = status.st_size; left > 0;) {
      const auto got = read(file.number(), piece.data(),
                            std::min<std::size_t>(piece.size(), static_cast<std::size_t>(left)));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return problem(name, errno);
      if (got == 0)
        return fail(Errc::aborted, "\"" + name + "\" became shorter while it was copied; try again");
      if (archive_write_data(out_.get(), piece.data(), static_cast<std::size_t>(got)) != got) return broken();
      left -= got;
      totals_.bytes += static_cast<std::uint64_t>(got);
    }
    return {};
  }

  Result<void> add_link(int item, const std::string& name, const struct stat& status) {
    std::array<char, PATH_MAX> target{};
    const auto length = readlinkat(item, "", target.data(), target.size() - 1);
    if (length < 0) return problem(name, errno);
    return begin(name, status, std::string(target.data(), static_cast<std::size_t>(length)));
  }

  const PackDoors& doors_;
  Writer out_;
  bool stopped_ = false;
  PackTotals totals_;
};

std::uint64_t bytes_at(int item, int depth) {
  struct stat status {};
  if (fstatat(item, "", &status, AT_EMPTY_PATH) != 0) return 0;
  if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
  if (!S_ISDIR(status.st_mode) || depth >= kMostDepth) return 0;
  const auto directory = reopen(item, O_RDONLY | O_DIRECTORY);
  std::uint64_t sum = 0;
  if (!directory.open()) return 0;
  for (const auto& child : names_in(directory.number())) {
    const Descriptor found(openat(directory.number(), child.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (found.open()) sum += bytes_at(found.number(), depth + 1);
  }
  return sum;
}

}  // namespace

Result<PackTotals> pack(int item, const std::string& name, const PackDoors& doors) {
  Packer packer(doors);
  if (auto added = packer.add(item, name, 0); !added) return fail(added.error());
  return packer.close();
}

std::uint64_t bytes_below(int item) {
  return bytes_at(item, 0);
}

}  // namespace cloudless::runtime
