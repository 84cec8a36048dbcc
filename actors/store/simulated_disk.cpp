#include "actors/store/simulated_disk.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <utility>

namespace cloudless::store {

/// The C callbacks that SQLite calls. An open file is an SimulatedVfs::Handle in memory that SQLite provides.
struct SimulatedVfs {
  struct Handle {
    sqlite3_file base;  // first: SQLite sees this
    SimulatedDisk* disk;
    std::shared_ptr<SimulatedDisk::File> file;
    std::uint64_t boot;
    std::uint64_t number;

    bool stale() const { return boot != disk->boot_; }
  };

  static Handle& handle(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
  static SimulatedDisk& disk(sqlite3_vfs* vfs) { return *static_cast<SimulatedDisk*>(vfs->pAppData); }

  // Files.

  static int close(sqlite3_file* file) {
    Handle& h = handle(file);
    h.file->locks.erase(h.number);
    h.~Handle();
    return SQLITE_OK;
  }

  static int read(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
    Handle& h = handle(file);
    if (h.stale()) return SQLITE_IOERR_READ;
    const auto& contents = h.file->data.contents();
    const auto begin = std::min(static_cast<std::size_t>(offset), contents.size());
    const auto there = std::min(static_cast<std::size_t>(amount), contents.size() - begin);
    std::memcpy(out, contents.data() + begin, there);
    std::memset(static_cast<char*>(out) + there, 0, static_cast<std::size_t>(amount) - there);
    return there == static_cast<std::size_t>(amount) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* file, const void* data, int amount, sqlite3_int64 offset) {
    Handle& h = handle(file);
    if (h.stale() || !h.disk->may_change()) return SQLITE_IOERR_WRITE;
    const auto end = static_cast<std::size_t>(offset) + static_cast<std::size_t>(amount);
    const auto size = h.file->data.contents().size();
    if (end > size && h.disk->used_bytes() + (end - size) > h.disk->faults.capacity) return SQLITE_FULL;
    h.file->data.write(static_cast<std::size_t>(offset),
                       {static_cast<const char*>(data), static_cast<std::size_t>(amount)});
    return SQLITE_OK;
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    Handle& h = handle(file);
    if (h.stale() || !h.disk->may_change()) return SQLITE_IOERR_TRUNCATE;
    h.file->data.truncate(static_cast<std::size_t>(size));
    return SQLITE_OK;
  }

  /// Like the operating system's VFS, the first sync of a new file makes the directory durable too.
  static int sync(sqlite3_file* file, int) {
    Handle& h = handle(file);
    if (h.stale() || !h.disk->may_change()) return SQLITE_IOERR_FSYNC;
    if (!h.file->data.is_linked()) h.disk->sync_names();
    h.file->data.sync();
    return SQLITE_OK;
  }

  static int file_size(sqlite3_file* file, sqlite3_int64* out) {
    Handle& h = handle(file);
    if (h.stale()) return SQLITE_IOERR_FSTAT;
    *out = static_cast<sqlite3_int64>(h.file->data.contents().size());
    return SQLITE_OK;
  }

  static int lock(sqlite3_file* file, int level) {
    Handle& h = handle(file);
    if (h.stale()) return SQLITE_IOERR_LOCK;
    auto& locks = h.file->locks;
    int highest_other = SQLITE_LOCK_NONE;
    for (const auto& [number, held] : locks)
      if (number != h.number) highest_other = std::max(highest_other, held);
    const bool free = level == SQLITE_LOCK_SHARED      ? highest_other < SQLITE_LOCK_PENDING
                      : level == SQLITE_LOCK_EXCLUSIVE ? highest_other == SQLITE_LOCK_NONE
                                                       : highest_other < SQLITE_LOCK_RESERVED;
    if (!free) return SQLITE_BUSY;
    locks[h.number] = std::max(locks[h.number], level);
    return SQLITE_OK;
  }

  static int unlock(sqlite3_file* file, int level) {
    Handle& h = handle(file);
    if (level == SQLITE_LOCK_NONE)
      h.file->locks.erase(h.number);
    else
      h.file->locks[h.number] = level;
    return SQLITE_OK;
  }

  static int check_reserved_lock(sqlite3_file* file, int* out) {
    const auto& locks = handle(file).file->locks;
    *out = std::any_of(locks.begin(), locks.end(),
                       [](const auto& l) { return l.second >= SQLITE_LOCK_RESERVED; })
               ? 1
               : 0;
    return SQLITE_OK;
  }

  static int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return 4096; }
  static int device_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  // The file system.

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    SimulatedDisk& d = disk(vfs);
    file->pMethods = nullptr;
    if (name == nullptr) return SQLITE_CANTOPEN;  // temporary files stay in SQLite's memory
    auto found = d.files_.find(name);
    if (found == d.files_.end()) {
      if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
      found = d.files_.emplace(name, std::make_shared<SimulatedDisk::File>()).first;
    }
    auto* h = new (file) Handle{{}, &d, found->second, d.boot_, ++d.last_handle_};
    h->base.pMethods = &methods();
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
    SimulatedDisk& d = disk(vfs);
    if (!d.may_change()) return SQLITE_IOERR_DELETE;
    auto gone = d.files_.extract(name);
    if (gone.empty()) return SQLITE_IOERR_DELETE_NOENT;
    if (sync_directory != 0)
      d.sync_names();
    else
      d.unlinked_[gone.key()] = gone.mapped();
    return SQLITE_OK;
  }

  static int access(sqlite3_vfs* vfs, const char* name, int, int* out) {
    *out = disk(vfs).files_.count(name) != 0 ? 1 : 0;
    return SQLITE_OK;
  }

  static int full_pathname(sqlite3_vfs*, const char* name, int size, char* out) {
    if (std::strlen(name) + 1 > static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
    std::memcpy(out, name, std::strlen(name) + 1);
    return SQLITE_OK;
  }

  static int randomness(sqlite3_vfs* vfs, int size, char* out) {
    std::generate_n(out, size, [&] { return static_cast<char>(disk(vfs).dice_()); });
    return size;
  }
  static int sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
  static int current_time(sqlite3_vfs*, sqlite3_int64* out) {
    *out = 212'000'000'000'000;  // Julian milliseconds, some day in 2006
    return SQLITE_OK;
  }
  static int last_error(sqlite3_vfs*, int, char*) { return 0; }

  static const sqlite3_io_methods& methods() {
    static const sqlite3_io_methods kMethods = [] {
      sqlite3_io_methods m{};
      m.iVersion = 1;
      m.xClose = close;
      m.xRead = read;
      m.xWrite = write;
      m.xTruncate = truncate;
      m.xSync = sync;
      m.xFileSize = file_size;
      m.xLock = lock;
      m.xUnlock = unlock;
      m.xCheckReservedLock = check_reserved_lock;
      m.xFileControl = file_control;
      m.xSectorSize = sector_size;
      m.xDeviceCharacteristics = device_characteristics;
      return m;
    }();
    return kMethods;
  }
};

struct SimulatedDisk::Registration {
  std::string name;
  sqlite3_vfs vfs{};

  explicit Registration(SimulatedDisk* disk) {
    static std::atomic<std::uint64_t> last{0};
    name = "simulated-" + std::to_string(++last);
    vfs.iVersion = 2;
    vfs.szOsFile = sizeof(SimulatedVfs::Handle);
    vfs.mxPathname = 512;
    vfs.zName = name.c_str();
    vfs.pAppData = disk;
    vfs.xOpen = SimulatedVfs::open;
    vfs.xDelete = SimulatedVfs::remove;
    vfs.xAccess = SimulatedVfs::access;
    vfs.xFullPathname = SimulatedVfs::full_pathname;
    vfs.xRandomness = SimulatedVfs::randomness;
    vfs.xSleep = SimulatedVfs::sleep;
    vfs.xGetLastError = SimulatedVfs::last_error;
    vfs.xCurrentTimeInt64 = SimulatedVfs::current_time;
    sqlite3_vfs_register(&vfs, 0);
  }
  ~Registration() { sqlite3_vfs_unregister(&vfs); }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
};

SimulatedDisk::SimulatedDisk(std::uint64_t seed)
    : dice_(seed), registration_(std::make_unique<Registration>(this)) {}
SimulatedDisk::~SimulatedDisk() = default;

const std::string& SimulatedDisk::vfs() const {
  return registration_->name;
}

void SimulatedDisk::crash() {
  ++boot_;
  faults = {};
  for (auto& [name, file] : unlinked_)
    if (dice_() % 2 == 0) files_.try_emplace(name, file);
  unlinked_.clear();
  for (auto it = files_.begin(); it != files_.end();) {
    const bool name_kept = it->second->data.is_linked() || dice_() % 2 == 0;
    it->second->data.crash(dice_);
    // Handles from before keep the old object; nothing that they do may reach the disk.
    it->second = std::make_shared<File>(File{it->second->data, {}});
    it = name_kept ? std::next(it) : files_.erase(it);
  }
}

std::size_t SimulatedDisk::used_bytes() const {
  std::size_t out = 0;
  for (const auto& [name, file] : files_) out += file->data.contents().size();
  return out;
}

bool SimulatedDisk::may_change() {
  if (faults.operations_left == 0) return false;
  if (faults.operations_left != UINT64_MAX) --faults.operations_left;
  ++operations_;
  return true;
}

}  // namespace cloudless::store
