#include "actors/runtime/containerd/image_puller.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <condition_variable>
#include <vector>

#include "actors/runtime/containerd/runtime_error.hpp"
#include "actors/runtime/containerd/subnet.hpp"
#include "messages/domain/image_reference.hpp"

namespace cloudless::runtime {
namespace {

constexpr std::chrono::milliseconds kLookEvery{500};
constexpr std::size_t kMostPauses = 1000;

Millis steady_now() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

/// What CRI compares with the host that it is about to talk to: a mirror never gets them.
std::string server_address(const std::string& server) {
  return "https://" + (server == "docker.io" ? "registry-1.docker.io" : server);
}

std::string key_of_pull(const std::string& name, const PullAccess& access) {
  std::string words;
  for (const auto& one : access.credentials)
    words += one.server + "\n" + one.username + "\n" + one.password + "\n";
  return name + "\n" + std::to_string(stable_hash(words));
}

}  // namespace

/// How far one pull is, from what containerd's content store says.
class ImagePuller::Watch {
 public:
  Watch(Client& client, ImageLibrary& library, const std::string& name, const ImageNews& news)
      : client_(client), library_(library), name_(name), tell_(news), news_(steady_now()) {}

  /// False: no byte has come for too long.
  bool look(Millis stall) {
    const Millis now = steady_now();
    if (layers_.empty()) find_layers();
    std::int64_t done = 0, total = 0;
    measure(done, total);
    if (auto words = news_.tell(done, total, now); words && tell_) tell_(std::move(*words));
    return !news_.stalled(stall, now);
  }

 private:
  CallScope cri_scope(const char* what) const {
    auto scope = client_.scope(what, 5000);
    scope.containerd_namespace = kCriNamespace;
    return scope;
  }

  /// Once the manifest has come, the layers and their sizes are known. Of a tag the digest is not known
  /// before the end, but containerd notes on each blob which repository it came from.
  void find_layers() {
    if (const auto digest = digest_in(name_); !digest.empty()) return take_layers(std::string(digest));
    const auto registry = std::string(registry_in(name_));
    const auto repository = name_.substr(registry.size() + 1, name_.rfind(':') - registry.size() - 1);
    // containerd leaves the port out, and lists all repositories that it had the blob from.
    const auto host = registry.substr(0, registry.rfind(':'));
    content_v1::ListContentRequest request;
    request.add_filters("labels.\"containerd.io/distribution.source." + host + "\"~=\"(^|,)" + repository +
                        "(,|$)\"");
    grpc::ClientContext context;
    const auto scope = cri_scope("look at a pull");
    const Client::Registration registered(client_, context, scope);
    const auto stream = client_.content().List(&context, request);
    content_v1::ListContentResponse page;
    std::string newest;
    std::int64_t newest_at = began_;
    while (stream->Read(&page))
      for (const auto& info : page.info())
        if (info.created_at().seconds() >= newest_at && has_layers(info)) {
          newest = info.digest();
          newest_at = info.created_at().seconds();
        }
    if (stream->Finish().ok() && !newest.empty()) take_layers(newest);
  }

  static bool has_layers(const content_v1::Info& info) {
    for (const auto& [key, value] : info.labels())
      if (key.starts_with("containerd.io/gc.ref.content.l.")) return true;
    return false;
  }

  void take_layers(const std::string& digest) {
    if (auto layers = library_.layers_of(digest, kCriNamespace)) layers_ = std::move(*layers);
  }

  void measure(std::int64_t& done, std::int64_t& total) {
    auto reply = client_.call(client_.content(), &content_v1::Content::Stub::ListStatuses,
                              content_v1::ListStatusesRequest{}, cri_scope("look at a pull"));
    if (!reply) return;
    if (layers_.empty()) {
      // Only to see that something moves.
      for (const auto& status : reply->statuses()) done += status.offset();
      return;
    }
    for (const auto& layer : layers_) {
      total += layer.size;
      bool under_way = false;
      for (const auto& status : reply->statuses())
        if (status.ref().ends_with(layer.digest)) {
          done += status.offset();
          under_way = true;
        }
      if (!under_way && is_there(layer.digest)) done += layer.size;
    }
  }

  bool is_there(const std::string& digest) {
    if (there_.contains(digest)) return true;
    content_v1::InfoRequest request;
    request.set_digest(digest);
    const auto info = client_.call(client_.content(), &content_v1::Content::Stub::Info, request,
                                   cri_scope("look at a pull"));
    if (info) there_.insert(digest);
    return info.has_value();
  }

  Client& client_;
  ImageLibrary& library_;
  const std::string name_;
  const ImageNews& tell_;
  PullNews news_;
  const std::int64_t began_ =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  std::vector<Blob> layers_;
  std::set<std::string> there_;
};

ImagePuller::ImagePuller(Client& client, ImageLibrary& library, const ContainerdOptions& options)
    : client_(client), library_(library), timeout_(options.pull_timeout), stall_(options.pull_stall) {}

Result<Nothing> ImagePuller::pull(const std::string& name, const PullAccess& access, const ImageNews& news) {
  const auto key = key_of_pull(name, access);
  {
    const std::lock_guard lock(mutex_);
    if (const auto pause = pauses_.find(key); pause != pauses_.end())
      if (auto error = pause->second.refusal(steady_now())) return fail(std::move(*error));
  }
  spdlog::info("pulling image {}", name);
  if (news) news("pulling");
  Watch watch(client_, library_, name, news);
  Result<Nothing> result = fail(Errc::permission_denied, "");
  if (access.credentials.empty()) result = try_pull(name, nullptr, watch);
  for (const auto& credentials : access.credentials) {
    result = try_pull(name, &credentials, watch);
    if (result || result.error().code != Errc::permission_denied) break;
  }
  if (!result && result.error().code == Errc::permission_denied) {
    Error error = result.error();
    for (const auto& problem : access.problems) error.message += "; " + problem;
    result = fail(std::move(error));
  }
  const std::lock_guard lock(mutex_);
  if (result) {
    pauses_.erase(key);
  } else {
    if (pauses_.size() >= kMostPauses) pauses_.clear();
    pauses_[key].failed(result.error(), steady_now());
  }
  return result;
}

Result<Nothing> ImagePuller::try_pull(const std::string& name, const RegistryCredentials* credentials,
                                      Watch& watch) {
  cri_v1::PullImageRequest request;
  request.mutable_image()->set_image(name);
  if (credentials != nullptr) {
    request.mutable_auth()->set_username(credentials->username);
    request.mutable_auth()->set_password(credentials->password);
    request.mutable_auth()->set_server_address(server_address(credentials->server));
  }
  struct Answer {
    std::mutex mutex;
    std::condition_variable came;
    bool done = false;
    grpc::Status status;
  } answer;
  grpc::ClientContext context;
  const Client::Registration registered(client_, context, client_.scope("pull image", timeout_));
  cri_v1::PullImageResponse response;
  client_.cri_images().async()->PullImage(&context, &request, &response, [&answer](grpc::Status status) {
    const std::lock_guard lock(answer.mutex);
    answer.status = std::move(status);
    answer.done = true;
    answer.came.notify_one();
  });
  bool gave_up = false;
  std::unique_lock lock(answer.mutex);
  while (!answer.came.wait_for(lock, kLookEvery, [&answer] { return answer.done; })) {
    lock.unlock();
    if (!gave_up && !watch.look(stall_)) {
      gave_up = true;
      context.TryCancel();
    }
    lock.lock();
  }
  if (answer.status.ok()) return Nothing{};
  if (gave_up)
    return fail(Errc::unavailable, "image " + name + ": the registry stopped sending; no byte came for " +
                                       std::to_string(stall_ / 1000) + " s");
  return fail(pull_error(static_cast<int>(answer.status.error_code()), answer.status.error_message(), name));
}

Result<Nothing> ImagePuller::remove(const std::string& name) {
  cri_v1::RemoveImageRequest request;
  request.mutable_image()->set_image(name);
  auto removed = client_.call(client_.cri_images(), &cri_v1::ImageService::Stub::RemoveImage, request,
                              client_.scope("remove image"));
  return removed || removed.error().code == Errc::not_found ? Result<Nothing>(Nothing{})
                                                            : fail(removed.error());
}

Result<std::string> ImagePuller::folder() {
  auto reply = client_.call(client_.cri_images(), &cri_v1::ImageService::Stub::ImageFsInfo,
                            cri_v1::ImageFsInfoRequest{}, client_.scope("find the images' file system"));
  if (!reply) return fail(reply.error());
  if (reply->image_filesystems().empty() || reply->image_filesystems(0).fs_id().mountpoint().empty())
    return fail(Errc::unavailable, "containerd does not say where its images lie");
  return reply->image_filesystems(0).fs_id().mountpoint();
}

}  // namespace cloudless::runtime
