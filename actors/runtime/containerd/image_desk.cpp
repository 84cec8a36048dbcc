#include "actors/runtime/containerd/image_desk.hpp"

#include <spdlog/spdlog.h>

#include <iterator>
#include <utility>

#include "actors/runtime/containerd/subnet.hpp"

namespace cloudless::runtime {
namespace {

constexpr std::size_t kLookThreads = 4;

/// Requests with one key have one answer. Values of secrets are only hashed into it.
std::string key_of_request(const ImageRequest& request, bool with_policy) {
  std::string access;
  for (const auto& one : request.access.credentials)
    access += one.server + "\n" + one.username + "\n" + one.password + "\n";
  return request.image + "\n" + request.digest + "\n" + std::to_string(stable_hash(access)) +
         (with_policy ? "\n" + std::to_string(static_cast<int>(request.policy)) : "");
}

}  // namespace

ImageDesk::ImageDesk(Images& images, Containers& containers, std::size_t max_pulls)
    : images_(images), containers_(containers), look_jobs_(kLookThreads), pull_jobs_(max_pulls) {}

bool ImageDesk::join(Waiters& waiters, const std::string& key, std::vector<Waiter> more) {
  const std::lock_guard lock(mutex_);
  auto& waiting = waiters[key];
  const bool first = waiting.empty();
  waiting.insert(waiting.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return first;
}

std::vector<ImageDesk::Waiter> ImageDesk::leave(Waiters& waiters, const std::string& key) {
  const std::lock_guard lock(mutex_);
  auto node = waiters.extract(key);
  return node ? std::move(node.mapped()) : std::vector<Waiter>{};
}

void ImageDesk::answer(Waiters& waiters, const std::string& key, const Result<PreparedImage>& result) {
  for (const auto& waiter : leave(waiters, key)) waiter.done(result);
}

void ImageDesk::tell(const std::string& key, const std::string& words) {
  std::vector<ImageNews> listeners;
  {
    const std::lock_guard lock(mutex_);
    const auto waiting = pulling_.find(key);
    if (waiting == pulling_.end()) return;
    for (const auto& waiter : waiting->second)
      if (waiter.news) listeners.push_back(waiter.news);
  }
  for (const auto& listener : listeners) listener(words);
}

void ImageDesk::prepare(ImageRequest request, ImageNews news, Done<PreparedImage> done) {
  const auto key = key_of_request(request, true);
  std::vector<Waiter> one;
  one.push_back({std::move(done), std::move(news)});
  if (join(looking_, key, std::move(one)))
    look_jobs_.submit([this, key, request = std::move(request)] { look(key, request); });
}

void ImageDesk::look(const std::string& key, const ImageRequest& request) {
  if (const auto ready = containers_.ensure_ready(); !ready)
    return answer(looking_, key, fail(ready.error()));
  const auto found = images_.find(request);
  if (!found) return answer(looking_, key, fail(found.error()));
  if (*found) return answer(looking_, key, **found);
  const auto pull_key = key_of_request(request, false);
  if (join(pulling_, pull_key, leave(looking_, key)))
    pull_jobs_.submit([this, pull_key, request] { pull(pull_key, request); });
}

void ImageDesk::pull(const std::string& key, const ImageRequest& request) {
  answer(pulling_, key, images_.pull(request, [this, key](const std::string& words) { tell(key, words); }));
}

void ImageDesk::collect(std::vector<ImageRequest> keep) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(collecting_, true)) return;
  }
  look_jobs_.submit([this, keep = std::move(keep), since = images_.uses()] {
    const auto running = containers_.image_digests();
    const auto done =
        running ? images_.collect(keep, *running, since) : Result<Nothing>(fail(running.error()));
    if (!done) spdlog::warn("images cannot be collected: {}", done.error().message);
    const std::lock_guard lock(mutex_);
    collecting_ = false;
  });
}

void ImageDesk::finish() {
  look_jobs_.finish();
  pull_jobs_.finish();
}

}  // namespace cloudless::runtime
