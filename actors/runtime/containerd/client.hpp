// The connection to containerd: one channel, its stubs, and a blocking unary call that turns a failure into
// an Error. Used by images, containers, exec; every call has a deadline and is cancelled when the runtime is
// shut down. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "actors/runtime/containerd/options.hpp"
#include "actors/runtime/runtime_port.hpp"
#include "containerd/containers.grpc.pb.h"
#include "containerd/content.grpc.pb.h"
#include "containerd/cri.grpc.pb.h"
#include "containerd/diff.grpc.pb.h"
#include "containerd/images.grpc.pb.h"
#include "containerd/leases.grpc.pb.h"
#include "containerd/namespaces.grpc.pb.h"
#include "containerd/snapshots.grpc.pb.h"
#include "containerd/tasks.grpc.pb.h"
#include "messages/domain/error.hpp"
#include "messages/domain/time.hpp"

namespace cloudless::runtime {

namespace containers_v1 = ::containerd::services::containers::v1;
namespace tasks_v1 = ::containerd::services::tasks::v1;
namespace snapshots_v1 = ::containerd::services::snapshots::v1;
namespace content_v1 = ::containerd::services::content::v1;
namespace images_v1 = ::containerd::services::images::v1;
namespace namespaces_v1 = ::containerd::services::namespaces::v1;
namespace leases_v1 = ::containerd::services::leases::v1;
namespace diff_v1 = ::containerd::services::diff::v1;
namespace cri_v1 = ::runtime::v1;

/// A call's deadline in milliseconds (0: none), and whose objects it is about.
struct CallScope {
  std::string containerd_namespace;
  Millis timeout = 60000;
  std::string lease;
  const char* what = "";  ///< for the error message: "start container"
};

class Client {
 public:
  explicit Client(const ContainerdOptions& options);

  const std::string& own_namespace() const { return namespace_; }
  CallScope scope(const char* what, Millis timeout = 60000) const { return {namespace_, timeout, {}, what}; }

  template <class Stub, class Request, class Response>
  Result<Response> call(Stub& stub,
                        grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                        const Request& request, const CallScope& scope) {
    grpc::ClientContext context;
    const Registration registered(*this, context, scope);
    Response response;
    const auto status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return fail(error_of(status, scope.what));
    return response;
  }

  /// The blob's bytes, piece by piece with the offset of each, until `take` returns false (CANCELLED then).
  Result<Nothing> read_blob(const std::string& digest, const CallScope& scope,
                            const std::function<bool(const std::string&, std::int64_t)>& take);

  /// For calls that are not blocking: sets metadata and deadline, and lets shut_down cancel it until
  /// unregister.
  void enlist(grpc::ClientContext& context, const CallScope& scope);
  void discharge(grpc::ClientContext& context);

  /// Cancels what is under way and everything that comes later, and waits until enlisted calls have come
  /// home.
  void shut_down();

  static Error error_of(const grpc::Status& status, const char* what);

  containers_v1::Containers::Stub& containers() { return *containers_; }
  tasks_v1::Tasks::Stub& tasks() { return *tasks_; }
  snapshots_v1::Snapshots::Stub& snapshots() { return *snapshots_; }
  content_v1::Content::Stub& content() { return *content_; }
  images_v1::Images::Stub& images() { return *images_; }
  namespaces_v1::Namespaces::Stub& namespaces() { return *namespaces_; }
  leases_v1::Leases::Stub& leases() { return *leases_; }
  diff_v1::Diff::Stub& diff() { return *diff_; }
  cri_v1::ImageService::Stub& cri_images() { return *cri_images_; }

  /// Keeps a context enlisted while it is in scope.
  class Registration {
   public:
    Registration(Client& client, grpc::ClientContext& context, const CallScope& scope)
        : client_(client), context_(context) {
      client_.enlist(context_, scope);
    }
    ~Registration() { client_.discharge(context_); }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

   private:
    Client& client_;
    grpc::ClientContext& context_;
  };

 private:
  std::string namespace_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<containers_v1::Containers::Stub> containers_;
  std::unique_ptr<tasks_v1::Tasks::Stub> tasks_;
  std::unique_ptr<snapshots_v1::Snapshots::Stub> snapshots_;
  std::unique_ptr<content_v1::Content::Stub> content_;
  std::unique_ptr<images_v1::Images::Stub> images_;
  std::unique_ptr<namespaces_v1::Namespaces::Stub> namespaces_;
  std::unique_ptr<leases_v1::Leases::Stub> leases_;
  std::unique_ptr<diff_v1::Diff::Stub> diff_;
  std::unique_ptr<cri_v1::ImageService::Stub> cri_images_;

  std::mutex mutex_;
  std::condition_variable all_home_;
  std::set<grpc::ClientContext*> under_way_;
  bool shut_down_ = false;
};

}  // namespace cloudless::runtime
