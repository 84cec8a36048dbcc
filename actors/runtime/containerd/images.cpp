#include "actors/runtime/containerd/images.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <functional>

#include "actors/runtime/containerd/lease.hpp"
#include "actors/runtime/containerd/runtime_error.hpp"

namespace cloudless::runtime {
namespace {

using Labels = std::map<std::string, std::string>;

constexpr char kCriNamespace[] = "k8s.io";
constexpr std::size_t kDescribedLimit = 256;
constexpr std::size_t kDocumentLimit = 8 << 20;

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

Images::Images(Client& client, const ContainerdOptions& options)
    : client_(client),
      snapshotter_(options.snapshotter),
      sources_(options.image_namespaces),
      pull_timeout_(options.pull_timeout) {}

Result<Blob> Images::target_of(const std::string& name, const std::string& containerd_namespace) {
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

Images::Described Images::describe(const Blob& target, const std::string& containerd_namespace) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = described_.find(target.digest); found != described_.end()) return found->second;
  }
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

Images::Described Images::resolve(const std::string& image) {
  auto name = full_image_name(image);
  if (!name) return fail(name.error());
  auto target = target_of(*name, client_.own_namespace());
  if (!target) return fail(target.error());
  return describe(*target, client_.own_namespace());
}

Result<Nothing> Images::prepare(const std::string& image, ImagePullPolicy policy) {
  const auto name = full_image_name(image);
  if (!name) return fail(name.error());
  const auto own = target_of(*name, client_.own_namespace());
  if (!own && !is(own.error(), Errc::not_found)) return fail(own.error());
  if (policy != ImagePullPolicy::always) {
    if (own) {
      auto described = describe(*own, client_.own_namespace());
      return described ? ensure_unpacked(**described) : Result<Nothing>(fail(described.error()));
    }
    for (const auto& source : sources_) {
      const auto target = target_of(*name, source);
      if (!target) continue;
      const auto taken = take_over(*name, *target, source);
      if (taken) return taken;
      spdlog::warn("image {} is in containerd's namespace {}, but cannot be used: {}", *name, source,
                   taken.error().message);
    }
    if (policy == ImagePullPolicy::never)
      return fail(Errc::not_found, "image " + *name + " is not on this node, and the pull policy is NEVER");
  }
  if (auto pulled = pull(*name); !pulled) return pulled;
  const auto target = target_of(*name, kCriNamespace);
  if (!target) return fail(target.error());
  return take_over(*name, *target, kCriNamespace);
}

Result<Nothing> Images::pull(const std::string& name) {
  cri_v1::PullImageRequest request;
  request.mutable_image()->set_image(name);
  grpc::ClientContext context;
  const Client::Registration registered(client_, context, client_.scope("pull image", pull_timeout_));
  cri_v1::PullImageResponse response;
  spdlog::info("pulling image {}", name);
  const auto status = client_.cri_images().PullImage(&context, request, &response);
  if (status.ok()) return Nothing{};
  return fail(pull_error(static_cast<int>(status.error_code()), status.error_message(), name));
}

Result<Nothing> Images::take_over(const std::string& name, const Blob& target, const std::string& from) {
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
  return name_image(name, target);
}

Result<Nothing> Images::share(const Blob& blob, const std::string& from, const Labels& labels,
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

Result<Nothing> Images::label(const std::string& digest, const Labels& labels, const CallScope& scope) {
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

Result<Nothing> Images::ensure_unpacked(const ResolvedImage& image) {
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

Result<Nothing> Images::unpack(const ResolvedImage& image, const CallScope& scope) {
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

Result<Nothing> Images::unpack_layer(const Blob& layer, const std::string& parent, const std::string& chain,
                                     const CallScope& scope) {
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

Result<Nothing> Images::name_image(const std::string& name, const Blob& target) {
  images_v1::CreateImageRequest create;
  create.mutable_image()->set_name(name);
  create.mutable_image()->mutable_target()->set_media_type(target.media_type);
  create.mutable_image()->mutable_target()->set_digest(target.digest);
  create.mutable_image()->mutable_target()->set_size(target.size);
  auto created =
      client_.call(client_.images(), &images_v1::Images::Stub::Create, create, client_.scope("name image"));
  if (created) return Nothing{};
  if (!is(created.error(), Errc::already_exists)) return fail(created.error());
  images_v1::UpdateImageRequest update;
  *update.mutable_image() = create.image();
  auto updated =
      client_.call(client_.images(), &images_v1::Images::Stub::Update, update, client_.scope("name image"));
  return updated ? Result<Nothing>(Nothing{}) : fail(updated.error());
}

}  // namespace cloudless::runtime
