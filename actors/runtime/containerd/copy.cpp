#include "actors/runtime/containerd/copy.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <utility>

#include "actors/runtime/archive/pack.hpp"
#include "actors/runtime/archive/unpack.hpp"
#include "actors/runtime/containerd/inside.hpp"

namespace cloudless::runtime {
namespace {

/// "/a/b/" as {"/a", "b"}; "/" as {"/", ""}.
std::pair<std::string, std::string> split(std::string path) {
  if (path.empty() || path.front() != '/') path.insert(0, "/");
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const auto slash = path.rfind('/');
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

/// One copy: what the client's side and the copying thread share.
class Copy {
 public:
  Copy(Client& client, ContainerId container, CopyQuery query, std::uint64_t credit,
       std::function<void(StreamNews)> tell)
      : client_(client),
        container_(std::move(container)),
        query_(std::move(query)),
        tell_(std::move(tell)),
        credit_(credit) {}

  // The client's side.
  void push(std::string bytes) {
    change([&] { input_.push_back(std::move(bytes)); });
  }
  void end_input() {
    change([&] { input_over_ = true; });
  }
  void grant(std::uint64_t bytes) {
    change([&] { credit_ += bytes; });
  }
  void give_up() {
    change([&] { given_up_ = true; });
  }

  // The copying thread.
  void run() {
    const auto done = query_.into ? copy_in() : copy_out();
    tell_(StreamNews{
        {}, false, false, 0, done ? Result<StreamEnd>(StreamEnd{}) : Result<StreamEnd>(fail(done.error()))});
  }

 private:
  template <class Change>
  void change(Change apply) {
    const std::lock_guard lock(mutex_);
    apply();
    changed_.notify_all();
  }

  Result<void> copy_in() {
    const auto root = open_of_container(client_, container_, "root", O_PATH | O_DIRECTORY);
    if (!root) return fail(root.error());
    const auto owner = user_of_container(client_, container_);
    if (!owner) return fail(owner.error());
    UnpackOptions options;
    options.owner = *owner;
    Descriptor base(open_in_root(root->number(), query_.path, O_RDONLY | O_DIRECTORY));
    if (!base.open()) {
      const auto [parent, name] = split(query_.path);
      if (query_.path.ends_with('/')) return no_path("is not a directory", errno);
      options.name = name;
      base = Descriptor(open_in_root(root->number(), parent, O_RDONLY | O_DIRECTORY));
      if (!base.open()) return no_path("has no directory to be in", errno);
      if (name.empty() || name == "." || name == "..") return no_path("is not a name to write to", EINVAL);
    }
    const auto done = unpack(base.number(), options,
                             {[this](char* buffer, std::size_t size) { return take(buffer, size); },
                              [this](const std::string& what) { warn(what); }});
    if (!done) return fail(done.error());
    return {};
  }

  Result<void> copy_out() {
    const auto root = open_of_container(client_, container_, "root", O_PATH | O_DIRECTORY);
    if (!root) return fail(root.error());
    const Descriptor item(open_in_root(root->number(), query_.path, O_PATH));
    if (!item.open()) return no_path("cannot be read", errno);
    auto name = split(query_.path).second;
    if (name.empty() || name == "." || name == "..") name = "root";
    const auto done = pack(item.number(), name,
                           {[this](std::string_view bytes) { return put(bytes); },
                            [this](const std::string& what) { warn(what); }});
    if (!done) return fail(done.error());
    return {};
  }

  tl::unexpected<Error> no_path(const char* what, int error) const {
    return fail(Errc::failed_precondition, "\"" + query_.path + "\" " + what + " in container " +
                                               container_.value + ": " + std::strerror(error));
  }

  std::optional<std::size_t> take(char* buffer, std::size_t size) {
    std::size_t got = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return given_up_ || input_over_ || !input_.empty(); });
      if (given_up_) return std::nullopt;
      while (!input_.empty() && got < size) {
        auto& front = input_.front();
        const auto piece = std::min(size - got, front.size() - taken_of_front_);
        std::memcpy(buffer + got, front.data() + taken_of_front_, piece);
        got += piece;
        taken_of_front_ += piece;
        if (taken_of_front_ < front.size()) continue;
        input_.pop_front();
        taken_of_front_ = 0;
      }
    }
    if (got > 0) tell_(StreamNews{{}, false, false, got, std::nullopt});
    return got;
  }

  bool put(std::string_view bytes, bool is_warning = false) {
    while (!bytes.empty()) {
      std::size_t size = 0;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return given_up_ || credit_ > 0; });
        if (given_up_) return false;
        size = static_cast<std::size_t>(std::min<std::uint64_t>({bytes.size(), credit_, kMaxSessionChunk}));
        credit_ -= size;
      }
      tell_(StreamNews{std::string(bytes.substr(0, size)), is_warning, false, 0, std::nullopt});
      bytes.remove_prefix(size);
    }
    return true;
  }

  void warn(const std::string& what) { put(what + "\n", true); }

  Client& client_;
  const ContainerId container_;
  const CopyQuery query_;
  const std::function<void(StreamNews)> tell_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> input_;
  std::size_t taken_of_front_ = 0;
  bool input_over_ = false;
  bool given_up_ = false;
  std::uint64_t credit_;
};

class CopyStream final : public RuntimeStream {
 public:
  explicit CopyStream(std::shared_ptr<Copy> copy) : copy_(std::move(copy)) {}
  ~CopyStream() override { copy_->give_up(); }
  void push(std::string bytes) override { copy_->push(std::move(bytes)); }
  void end_input() override { copy_->end_input(); }
  void grant(std::uint64_t bytes) override { copy_->grant(bytes); }
  void resize(WindowSize) override {}
  void signal(int) override {}

 private:
  std::shared_ptr<Copy> copy_;
};

}  // namespace

std::unique_ptr<RuntimeStream> open_copy(Client& client, WorkerPool& jobs, const ContainerId& container,
                                         CopyQuery query, std::uint64_t credit,
                                         std::function<void(StreamNews)> tell) {
  auto copy = std::make_shared<Copy>(client, container, std::move(query), credit, std::move(tell));
  jobs.submit([copy] { copy->run(); });
  return std::make_unique<CopyStream>(std::move(copy));
}

}  // namespace cloudless::runtime
