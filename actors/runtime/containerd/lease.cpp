#include "actors/runtime/containerd/lease.hpp"

#include <ctime>

#include "actors/runtime/containerd/subnet.hpp"

namespace cloudless::runtime {
namespace {

constexpr std::time_t kLeaseSeconds = 3600;  // a crash in the middle leaves no garbage for longer

}  // namespace

Lease::Lease(Client& client, const std::string& key) : client_(client) {
  char id[40];
  snprintf(id, sizeof id, "cloudless-image-%016llx", static_cast<unsigned long long>(stable_hash(key)));
  leases_v1::CreateRequest request;
  request.set_id(id);
  const std::time_t end = std::time(nullptr) + kLeaseSeconds;
  char expiry[32];
  std::tm utc{};
  std::strftime(expiry, sizeof expiry, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&end, &utc));
  (*request.mutable_labels())["containerd.io/gc.expire"] = expiry;
  auto created = client_.call(client_.leases(), &leases_v1::Leases::Stub::Create, request,
                              client_.scope("take a lease"));
  if (!created && created.error().code != Errc::already_exists) {
    held_ = fail(created.error());
  } else {
    id_ = id;
  }
}

Lease::~Lease() {
  if (id_.empty()) return;
  leases_v1::DeleteRequest request;
  request.set_id(id_);
  client_.call(client_.leases(), &leases_v1::Leases::Stub::Delete, request,
               client_.scope("give a lease back"));
}

CallScope Lease::scope(const char* what, Millis timeout) const {
  auto out = client_.scope(what, timeout);
  out.lease = id_;
  return out;
}

}  // namespace cloudless::runtime
