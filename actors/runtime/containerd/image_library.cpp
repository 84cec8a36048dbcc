#include "actors/runtime/containerd/image_library.hpp"

#include <spdlog/spdlog.h>

#include <charconv>

#include "actors/runtime/containerd/lease.hpp"
#include "actors/runtime/containerd/runtime_error.hpp"

namespace cloudless::runtime {
namespace {

using Labels = std::map<std::string, std::string>;

constexpr Millis kUnpackTimeout = 600000;
constexpr std::size_t kDescribedLimit = 256;
constexpr std::size_t kDocumentLimit = 8 << 20;
constexpr char kOriginLabel[] = "cloudless.io/origin";
constexpr char kLastUsedLabel[] = "cloudless.io/last-used";
constexpr char kPulled[] = "pulled";
constexpr char kTakenOver[] = "taken-over";

bool is(const Error& error, Errc code) {
  return error.code == code;
}

/// Manifests and configs are small; what is not is none.
Result<std::string> read_document(Client& client, const std::string& digest, const CallScope& scope) {
  std::string text;
  const auto read = client.read_blob(digest, scope, [&](const std::string& piece, std::int64_t) {
    text += piece;
    return text.size() <= kDocumentLimit;
  });
  if (text.size() > kDocumentLimit)
    return fail(Errc::data_loss, "image: " + digest + " is too large for a manifest or a config");
  if (!read) return fail(read.error());
  return text;
}

/// What containerd's garbage collector must see as reachable from a manifest and from an index.
Labels references(const ImageManifest& manifest) {
  Labels out;
  if (!manifest.config.digest.empty()) out["containerd.io/gc.ref.content.config"] = manifest.config.digest;
  for (std::size_t i = 0; i < manifest.layers.size(); ++i)
    out["containerd.io/gc.ref.content.l." + std::to_string(i)] = manifest.layers[i].digest;
  return out;
}

}  // namespace

ImageLibrary::ImageLibrary(Client& client, const ContainerdOptions& options)
    : client_(client), snapshotter_(options.snapshotter) {}

Result<Blob> ImageLibrary::target_of(const std::string& name, const std::string& containerd_namespace) {
  images_v1::GetImageRequest request;
  request.set_name(name);
  CallScope scope = client_.scope("look up image");
  scope.containerd_namespace = containerd_namespace;
  auto reply = client_.call(client_.images(), &images_v1::Images::Stub::Get, request, scope);
  if (!reply) {
    if (is(reply.error(), Errc::not_found))
      return fail(Errc::not_found, "image " + name + " is not on this node");
    return fail(reply.error());
  }
  const auto& target = reply->image().target();
  return Blob{target.media_type(), target.digest(), target.size()};
}

ImageLibrary::Described ImageLibrary::describe(const Blob& target, const std::string& containerd_namespace) {
  if (auto before = known(target.digest)) return before;
  CallScope scope = client_.scope("read image");
  scope.containerd_namespace = containerd_namespace;
  auto image = std::make_shared<ResolvedImage>();
  image->target = target;
  Blob next = target;
  for (int depth = 0; image->manifest.config.digest.empty(); ++depth) {
    if (depth == 3) return fail(Errc::data_loss, "image index " + target.digest + " points at indexes only");
    auto text = read_document(client_, next.digest, scope);
    if (!text) return fail(text.error());
    auto manifest = parse_manifest(*text, machine_architecture());
    if (!manifest) return fail(manifest.error());
    image->manifests.push_back(next);
    image->manifest = *manifest;
    next = manifest->for_this_machine;
  }
  auto text = read_document(client_, image->manifest.config.digest, scope);
  if (!text) return fail(text.error());
  auto config = parse_image_config(*text);
  if (!config) return fail(config.error());
  if (config->diff_ids.size() != image->manifest.layers.size())
    return fail(Errc::data_loss, "image " + target.digest + " names " +
                                     std::to_string(image->manifest.layers.size()) +
                                     " layers and describes " + std::to_string(config->diff_ids.size()));
  image->config = *config;
  image->chain = chain_id(config->diff_ids);
  const std::lock_guard lock(mutex_);
  if (described_.size() >= kDescribedLimit) described_.clear();  // they are read again when they are needed
  return described_.emplace(target.digest, std::move(image)).first->second;
}

std::shared_ptr<const ResolvedImage> ImageLibrary::known(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  const auto found = described_.find(digest);
  return found == described_.end() ? nullptr : found->second;
}

Result<std::vector<Blob>> ImageLibrary::layers_of(const std::string& digest,
                                                  const std::string& containerd_namespace) {
  CallScope scope = client_.scope("read manifest");
  scope.containerd_namespace = containerd_namespace;
  std::string next = digest;
  for (int depth = 0; depth < 3; ++depth) {
    const auto text = read_document(client_, next, scope);
    if (!text) return fail(text.error());
    auto manifest = parse_manifest(*text, machine_architecture());
    if (!manifest) return fail(manifest.error());
    if (!manifest->config.digest.empty()) return std::move(manifest->layers);
    next = manifest->for_this_machine.digest;
  }
  return fail(Errc::data_loss, "image index " + digest + " points at indexes only");
}

Result<Nothing> ImageLibrary::take_over(const std::string& name, const Blob& target, const std::string& from,
                                        ImageOrigin origin) {
  const auto described = describe(target, from);
  if (!described) return fail(described.error());
  const auto& image = **described;
  const Lease lease(client_, name);
  if (!lease.held()) return lease.held();
  const auto scope = lease.scope("take over image");
  for (const auto& layer : image.manifest.layers)
    if (auto shared = share(layer, from, {}, scope); !shared) return shared;
  if (auto shared = share(image.manifest.config, from, {}, scope); !shared) return shared;
  const auto& manifest = image.manifests.back();
  if (auto shared = share(manifest, from, references(image.manifest), scope); !shared) return shared;
  for (std::size_t i = image.manifests.size() - 1; i > 0; --i) {
    const Labels child = {{"containerd.io/gc.ref.content.m.0", image.manifests[i].digest}};
    if (auto shared = share(image.manifests[i - 1], from, child, scope); !shared) return shared;
  }
  if (auto unpacked = unpack(image, scope); !unpacked) return unpacked;
  const auto exact = name_by_digest(name, target.digest);
  const Labels born = {{kOriginLabel, origin == ImageOrigin::pulled ? kPulled : kTakenOver}};
  auto named = write_name(exact, target, born);
  return named && name != exact ? write_name(name, target, born) : named;
}

Result<Nothing> ImageLibrary::share(const Blob& blob, const std::string& from, const Labels& labels,
                                    const CallScope& scope) {
  grpc::ClientContext context;
  const Client::Registration registered(client_, context, scope);
  const auto stream = client_.content().Write(&context);
  content_v1::WriteContentRequest request;
  request.set_ref("cloudless-" + blob.digest);
  request.set_total(blob.size);
  request.set_expected(blob.digest);
  request.set_action(content_v1::STAT);
  content_v1::WriteContentResponse response;
  bool open = stream->Write(request) && stream->Read(&response);
  // With containerd's default policy the blob is already there as far as bytes go; else (policy "isolated")
  // they are copied.
  if (open && response.offset() < blob.size) {
    CallScope source = client_.scope("read layer", scope.timeout);
    source.containerd_namespace = from;
    request.set_action(content_v1::WRITE);
    const auto copied =
        client_.read_blob(blob.digest, source, [&](const std::string& piece, std::int64_t offset) {
          request.set_offset(offset);
          request.set_data(piece);
          open = stream->Write(request) && stream->Read(&response);
          return open;
        });
    request.clear_data();
    if (!copied && open) {
      context.TryCancel();
      (void)stream->Finish();
      return fail(copied.error());
    }
  }
  if (open) {
    request.set_action(content_v1::COMMIT);
    request.set_offset(blob.size);
    request.mutable_labels()->insert(labels.begin(), labels.end());
    open = stream->Write(request) && stream->Read(&response);
    stream->WritesDone();
  }
  while (stream->Read(&response)) {  // the end comes only after everything was read
  }
  const auto status = stream->Finish();
  if (status.ok()) return Nothing{};
  if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) return label(blob.digest, labels, scope);
  return fail(Client::error_of(status, scope.what));
}

Result<Nothing> ImageLibrary::label(const std::string& digest, const Labels& labels, const CallScope& scope) {
  if (labels.empty()) return Nothing{};
  content_v1::UpdateRequest request;
  request.mutable_info()->set_digest(digest);
  for (const auto& [key, value] : labels) {
    (*request.mutable_info()->mutable_labels())[key] = value;
    request.mutable_update_mask()->add_paths("labels." + key);
  }
  auto reply = client_.call(client_.content(), &content_v1::Content::Stub::Update, request, scope);
  return reply ? Result<Nothing>(Nothing{}) : fail(reply.error());
}

Result<Nothing> ImageLibrary::ensure_unpacked(const ResolvedImage& image) {
  if (image.chain.empty()) return Nothing{};
  snapshots_v1::StatSnapshotRequest request;
  request.set_snapshotter(snapshotter_);
  request.set_key(image.chain);
  auto stat = client_.call(client_.snapshots(), &snapshots_v1::Snapshots::Stub::Stat, request,
                           client_.scope("look up layers"));
  if (stat) return Nothing{};
  if (!is(stat.error(), Errc::not_found)) return fail(stat.error());
  const Lease lease(client_, image.target.digest);
  return lease.held() ? unpack(image, lease.scope("unpack image")) : lease.held();
}

Result<Nothing> ImageLibrary::unpack(const ResolvedImage& image, const CallScope& scope) {
  const std::lock_guard alone(unpacking_);
  std::vector<std::string> below;
  std::string parent;
  for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
    below.push_back(image.config.diff_ids[i]);
    const auto chain = chain_id(below);
    if (auto unpacked = unpack_layer(image.manifest.layers[i], parent, chain, scope); !unpacked)
      return unpacked;
    parent = chain;
  }
  if (parent.empty()) return Nothing{};
  return label(image.manifest.config.digest, {{"containerd.io/gc.ref.snapshot." + snapshotter_, parent}},
               scope);
}

Result<Nothing> ImageLibrary::unpack_layer(const Blob& layer, const std::string& parent,
                                           const std::string& chain, const CallScope& scope) {
  using Stub = snapshots_v1::Snapshots::Stub;
  snapshots_v1::StatSnapshotRequest stat;
  stat.set_snapshotter(snapshotter_);
  stat.set_key(chain);
  if (client_.call(client_.snapshots(), &Stub::Stat, stat, scope)) return Nothing{};

  snapshots_v1::PrepareSnapshotRequest prepare;
  prepare.set_snapshotter(snapshotter_);
  prepare.set_key("cloudless-unpack " + chain);
  prepare.set_parent(parent);
  snapshots_v1::RemoveSnapshotRequest remove;
  remove.set_snapshotter(snapshotter_);
  remove.set_key(prepare.key());
  client_.call(client_.snapshots(), &Stub::Remove, remove,
               scope);  // left from an attempt that was interrupted
  auto mounts = client_.call(client_.snapshots(), &Stub::Prepare, prepare, scope);
  if (!mounts) return fail(mounts.error());

  diff_v1::ApplyRequest apply;
  apply.mutable_diff()->set_media_type(layer.media_type);
  apply.mutable_diff()->set_digest(layer.digest);
  apply.mutable_diff()->set_size(layer.size);
  *apply.mutable_mounts() = mounts->mounts();
  auto applied = client_.call(client_.diff(), &diff_v1::Diff::Stub::Apply, apply, scope);
  snapshots_v1::CommitSnapshotRequest commit;
  commit.set_snapshotter(snapshotter_);
  commit.set_name(chain);
  commit.set_key(prepare.key());
  auto committed = applied ? client_.call(client_.snapshots(), &Stub::Commit, commit, scope)
                           : Result<google::protobuf::Empty>(fail(applied.error()));
  if (committed) return Nothing{};
  client_.call(client_.snapshots(), &Stub::Remove, remove, scope);
  if (is(committed.error(), Errc::already_exists)) return Nothing{};
  return fail(committed.error());
}

Result<Nothing> ImageLibrary::name_image(const std::string& name, const Blob& target) {
  return write_name(name, target, {});
}

Result<Nothing> ImageLibrary::write_name(const std::string& name, const Blob& target, const Labels& labels) {
  images_v1::CreateImageRequest create;
  create.mutable_image()->set_name(name);
  create.mutable_image()->mutable_target()->set_media_type(target.media_type);
  create.mutable_image()->mutable_target()->set_digest(target.digest);
  create.mutable_image()->mutable_target()->set_size(target.size);
  create.mutable_image()->mutable_labels()->insert(labels.begin(), labels.end());
  auto created =
      client_.call(client_.images(), &images_v1::Images::Stub::Create, create, client_.scope("name image"));
  if (created) return Nothing{};
  if (!is(created.error(), Errc::already_exists)) return fail(created.error());
  images_v1::UpdateImageRequest update;
  *update.mutable_image() = create.image();
  // Labels that are not named stay: when it was used last, for one.
  update.mutable_update_mask()->add_paths("target");
  for (const auto& [key, value] : labels) update.mutable_update_mask()->add_paths("labels." + key);
  auto updated =
      client_.call(client_.images(), &images_v1::Images::Stub::Update, update, client_.scope("name image"));
  return updated ? Result<Nothing>(Nothing{}) : fail(updated.error());
}

void ImageLibrary::touch(const std::string& name, WallMillis now) {
  images_v1::UpdateImageRequest update;
  update.mutable_image()->set_name(name);
  (*update.mutable_image()->mutable_labels())[kLastUsedLabel] = std::to_string(now);
  update.mutable_update_mask()->add_paths(std::string("labels.") + kLastUsedLabel);
  // Without the note it only looks older than it is.
  (void)client_.call(client_.images(), &images_v1::Images::Stub::Update, update,
                     client_.scope("note the use of an image"));
}

Result<std::vector<StoredImage>> ImageLibrary::list() {
  auto reply = client_.call(client_.images(), &images_v1::Images::Stub::List, images_v1::ListImagesRequest{},
                            client_.scope("list images"));
  if (!reply) return fail(reply.error());
  std::vector<StoredImage> out;
  for (const auto& image : reply->images()) {
    StoredImage one{image.name(), image.target().digest(), StoredImage::Origin::foreign,
                    image.created_at().seconds() * 1000};
    const auto origin = image.labels().find(kOriginLabel);
    if (origin != image.labels().end())
      one.origin = origin->second == kPulled ? StoredImage::Origin::pulled : StoredImage::Origin::taken_over;
    if (const auto used = image.labels().find(kLastUsedLabel); used != image.labels().end())
      std::from_chars(used->second.data(), used->second.data() + used->second.size(), one.last_used);
    out.push_back(std::move(one));
  }
  return out;
}

Result<Nothing> ImageLibrary::forget(const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    images_v1::DeleteImageRequest request;
    request.set_name(names[i]);
    request.set_sync(i + 1 == names.size());
    auto gone = client_.call(client_.images(), &images_v1::Images::Stub::Delete, request,
                             client_.scope("remove image", kUnpackTimeout));
    if (!gone && !is(gone.error(), Errc::not_found)) return fail(gone.error());
  }
  return Nothing{};
}

}  // namespace cloudless::runtime
