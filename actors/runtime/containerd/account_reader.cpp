#include "actors/runtime/containerd/account_reader.hpp"

#include "actors/runtime/containerd/image_root.hpp"
#include "actors/runtime/containerd/lease.hpp"

namespace cloudless::runtime {
namespace {

constexpr std::size_t kMostKnown = 64;

LayerMount layer_mount(const ::containerd::types::Mount& mount) {
  return {mount.type(), mount.source(), {mount.options().begin(), mount.options().end()}};
}

}  // namespace

AccountReader::AccountReader(Client& client, const ContainerdOptions& options)
    : client_(client), snapshotter_(options.snapshotter), folder_(options.state_dir) {}

Result<ImageAccounts> AccountReader::of(const ResolvedImage& image) {
  if (image.chain.empty()) return ImageAccounts{};  // without layers there are no files
  const std::lock_guard lock(mutex_);
  if (const auto found = known_.find(image.chain); found != known_.end()) return found->second;
  auto accounts = read(image.chain);
  if (!accounts) return accounts;
  if (known_.size() >= kMostKnown) known_.clear();
  known_[image.chain] = *accounts;
  return accounts;
}

Result<ImageAccounts> AccountReader::read(const std::string& chain) {
  using Stub = snapshots_v1::Snapshots::Stub;
  const auto key = "cloudless-accounts " + chain;
  const Lease lease(client_, key);
  if (!lease.held()) return fail(lease.held().error());
  const auto scope = lease.scope("read the image's users");
  snapshots_v1::RemoveSnapshotRequest remove;
  remove.set_snapshotter(snapshotter_);
  remove.set_key(key);
  snapshots_v1::ViewSnapshotRequest view;
  view.set_snapshotter(snapshotter_);
  view.set_key(key);
  view.set_parent(chain);
  auto mounts = client_.call(client_.snapshots(), &Stub::View, view, scope);
  if (!mounts && mounts.error().code == Errc::already_exists) {  // left by a crash
    client_.call(client_.snapshots(), &Stub::Remove, remove, scope);
    mounts = client_.call(client_.snapshots(), &Stub::View, view, scope);
  }
  if (!mounts) return fail(mounts.error());
  std::vector<LayerMount> layers;
  for (const auto& mount : mounts->mounts()) layers.push_back(layer_mount(mount));
  const auto files = read_image_files(layers, folder_, {"/etc/passwd", "/etc/group"});
  client_.call(client_.snapshots(), &Stub::Remove, remove, scope);
  if (!files) return fail(files.error());
  return ImageAccounts{files->at(0), files->at(1)};
}

}  // namespace cloudless::runtime
