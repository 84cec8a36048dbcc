#include "actors/runtime/containerd/images.hpp"

#include <spdlog/spdlog.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "messages/domain/image_reference.hpp"

namespace cloudless::runtime {
namespace {

/// How exactly the time of the last use is known after a restart: each note is a write to containerd's disk.
constexpr Millis kNoteEvery = 60000;

WallMillis wall_clock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

/// Of the file system, in per cent of what containers may fill.
Result<std::uint64_t> percent_used(const std::string& folder) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0)
    return fail(Errc::unavailable, folder + " cannot be measured: " + std::strerror(errno));
  const std::uint64_t used = disk.f_blocks - disk.f_bfree, whole = used + disk.f_bavail;
  return whole == 0 ? 0 : (100 * used + whole - 1) / whole;
}

}  // namespace

Images::Images(Client& client, const ContainerdOptions& options)
    : library_(client, options),
      puller_(client, library_, options),
      sources_(options.image_namespaces),
      limits_(options.images) {}

Result<Images::Wanted> Images::wanted(const ImageRequest& request) {
  const auto name = full_image_name(request.image);
  if (!name) return fail(name.error());
  Wanted out{*name, request.digest, {}};
  if (out.digest.empty()) out.digest = digest_in(*name);
  if (!out.digest.empty()) out.exact = name_by_digest(*name, out.digest);
  return out;
}

bool Images::noted_lately(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  const auto use = uses_.find(digest);
  return use != uses_.end() && wall_clock() - use->second.noted_at <= kNoteEvery;
}

PreparedImage Images::used(const Wanted& image, const std::string& digest) {
  const WallMillis now = wall_clock();
  bool stale = false;
  {
    const std::lock_guard lock(mutex_);
    auto& use = uses_[digest];
    use.number = ++last_use_;
    stale = now - use.noted_at > kNoteEvery || now < use.noted_at;
    if (stale) use.noted_at = now;
  }
  if (stale) library_.touch(name_by_digest(image.name, digest), now);
  return {digest};
}

std::uint64_t Images::uses() {
  const std::lock_guard lock(mutex_);
  return last_use_;
}

Result<std::shared_ptr<const ResolvedImage>> Images::resolve(const std::string& image,
                                                             const std::string& digest) {
  const auto asked = wanted({image, {}, digest, {}});
  if (!asked) return fail(asked.error());
  // If it was taken away since, there is no snapshot to start from, which is said then.
  if (auto known = library_.known(asked->digest)) return known;
  const auto target = library_.target_of(asked->pulled_as());
  if (!target) return fail(target.error());
  return library_.describe(*target);
}

Result<std::optional<PreparedImage>> Images::find(const ImageRequest& request) {
  const auto image = wanted(request);
  if (!image) return fail(image.error());
  if (request.policy == ImagePullPolicy::always) return std::nullopt;
  const std::shared_lock shelf(shelf_);
  auto found = find_own(*image);
  if (!found || *found) return found;
  if (auto taken = find_elsewhere(*image)) return taken;
  if (request.policy == ImagePullPolicy::never) return fail(not_here(*image, request));
  return std::nullopt;
}

Result<std::optional<PreparedImage>> Images::find_own(const Wanted& image) {
  for (const auto& name : image.names()) {
    const auto own = library_.target_of(name);
    if (!own && own.error().code != Errc::not_found) return fail(own.error());
    if (!own || (!image.digest.empty() && own->digest != image.digest)) continue;
    const auto described = library_.describe(*own);
    auto ready = described ? library_.ensure_unpacked(**described) : Result<Nothing>(fail(described.error()));
    const auto exact = name_by_digest(name, own->digest);
    // An image that somebody imported gets its name by digest from whoever finds it first.
    if (ready && name != exact && !noted_lately(own->digest)) ready = ensure_named(exact, *own);
    if (!ready) return fail(ready.error());
    return used(image, own->digest);
  }
  return std::nullopt;
}

/// Looked at first: it is nearly always there, and writing it again costs containerd's disk a write.
Result<Nothing> Images::ensure_named(const std::string& name, const Blob& target) {
  const auto named = library_.target_of(name);
  if (named && named->digest == target.digest) return Nothing{};
  return library_.name_image(name, target);
}

std::optional<PreparedImage> Images::find_elsewhere(const Wanted& image) {
  for (const auto& source : sources_) {
    for (const auto& name : image.names()) {
      const auto target = library_.target_of(name, source);
      if (!target || (!image.digest.empty() && target->digest != image.digest)) continue;
      const auto taken = library_.take_over(image.pulled_as(), *target, source, ImageOrigin::taken_over);
      if (taken) return used(image, target->digest);
      spdlog::warn("image {} is in containerd's namespace {}, but cannot be used: {}", name, source,
                   taken.error().message);
    }
  }
  return std::nullopt;
}

std::string Images::other_digest_here(const Wanted& image) {
  if (image.digest.empty()) return {};
  std::vector<std::string> places{""};
  places.insert(places.end(), sources_.begin(), sources_.end());
  for (const auto& place : places) {
    const auto target =
        place.empty() ? library_.target_of(image.name) : library_.target_of(image.name, place);
    if (target && target->digest != image.digest)
      return "this node has " + image.name + " as " + target->digest + ", and this version runs " +
             image.digest;
  }
  return {};
}

Error Images::not_here(const Wanted& image, const ImageRequest& request) {
  const auto other = other_digest_here(image);
  const std::string policy = request.policy == ImagePullPolicy::never ? ", and the pull policy is NEVER" : "";
  if (other.empty())
    return {Errc::not_found, "image " + image.pulled_as() + " is not on this node" + policy, {}};
  return {Errc::failed_precondition, other + policy, {}};
}

Result<PreparedImage> Images::pull(const ImageRequest& request, const ImageNews& news) {
  const auto image = wanted(request);
  if (!image) return fail(image.error());
  if (auto pulled = puller_.pull(image->pulled_as(), request.access, news); !pulled) {
    Error error = pulled.error();
    if (const auto other = other_digest_here(*image); !other.empty()) error.message += "; " + other;
    return fail(std::move(error));
  }
  const std::shared_lock shelf(shelf_);
  const auto target = library_.target_of(image->pulled_as(), kCriNamespace);
  if (!target) return fail(target.error());
  if (!image->digest.empty() && target->digest != image->digest)
    return fail(Errc::data_loss, "the registry answered " + target->digest + " for " + image->exact);
  auto taken = library_.take_over(image->pulled_as(), *target, kCriNamespace, ImageOrigin::pulled);
  if (!taken) return fail(taken.error());
  return used(*image, target->digest);
}

GarbageRules Images::rules_of(const std::vector<ImageRequest>& keep,
                              const std::vector<std::string>& running) const {
  GarbageRules rules{wall_clock(), limits_.min_age, {running.begin(), running.end()}, {}};
  for (const auto& request : keep) {
    const auto image = wanted(request);
    if (!image) continue;
    if (image->digest.empty())
      rules.names_in_use.insert(image->name);
    else
      rules.digests_in_use.insert(image->digest);
  }
  return rules;
}

/// An image was used last when it was last seen in use, not when its container was started.
void Images::note_uses(const std::vector<StoredImage>& images, const GarbageRules& rules) {
  for (const auto& image : images)
    if (rules.digests_in_use.contains(image.digest) && image.origin != StoredImage::Origin::foreign &&
        rules.now - image.last_used > kNoteEvery)
      library_.touch(image.name, rules.now);
}

Result<Nothing> Images::collect(const std::vector<ImageRequest>& keep,
                                const std::vector<std::string>& running, std::uint64_t since) {
  const auto images = library_.list();
  if (!images) return fail(images.error());
  const auto rules = rules_of(keep, running);
  note_uses(*images, rules);
  if (limits_.high_percent == 0) return Nothing{};
  const auto folder = puller_.folder();
  if (!folder) return fail(folder.error());
  auto used_now = percent_used(*folder);
  if (!used_now) return fail(used_now.error());
  if (*used_now < limits_.high_percent) return Nothing{};
  const auto before = *used_now;
  std::size_t removed = 0;
  for (const auto& image : removable_images(*images, rules)) {
    if (*used_now <= limits_.low_percent) break;
    const auto gone = remove(image, since);
    if (!gone) return fail(gone.error());
    removed += *gone ? 1 : 0;
    used_now = percent_used(*folder);
    if (!used_now) return fail(used_now.error());
  }
  if (removed > 0)
    spdlog::info("the disk of {} was {} % full: removed {} images, now {} %", *folder, before, removed,
                 *used_now);
  return Nothing{};
}

Result<bool> Images::remove(const ImageToRemove& image, std::uint64_t since) {
  const std::unique_lock shelf(shelf_);
  {
    // Somebody asked for it meanwhile, and may be about to start from it.
    const std::lock_guard lock(mutex_);
    const auto use = uses_.find(image.digest);
    if (use != uses_.end() && use->second.number > since) return false;
    uses_.erase(image.digest);
  }
  bool elsewhere = false;
  for (const auto& source : sources_)
    for (const auto& name : image.names) {
      const auto target = library_.target_of(name, source);
      elsewhere = elsewhere || (target && target->digest == image.digest);
    }
  // Taken over from somebody who no longer has it: nobody could bring it back.
  if (!image.pulled && !elsewhere) return false;
  spdlog::info("removing image {}: nobody uses it, and the disk is filling", image.names.front());
  if (image.pulled)
    for (const auto& name : image.names)
      if (auto gone = puller_.remove(name); !gone) return fail(gone.error());
  if (auto gone = library_.forget(image.names); !gone) return fail(gone.error());
  return true;
}

}  // namespace cloudless::runtime
