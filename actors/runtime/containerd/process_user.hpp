// Who a container's process is: from the image's USER and the workload's security context to numbers, with
// the image's own /etc/passwd and /etc/group as the book of names. Pure; image_accounts.cpp reads the files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/domain/container.hpp"
#include "messages/domain/error.hpp"

namespace cloudless::runtime {

struct ProcessUser {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;  ///< supplementary; rising, each once
  bool operator==(const ProcessUser&) const = default;
};

/// The text of an image's /etc/passwd and /etc/group; empty if it has none.
struct ImageAccounts {
  std::string passwd;
  std::string group;
};

/// Whether the accounts matter: a name is to be looked up, or the groups of a user who is not root.
bool needs_accounts(const std::string& image_user, const SecurityContext& security);

/// `image_user` is "", "user", "user:group", each a number or a name. run_as_user and run_as_group replace
/// its parts. Without a group it is the user's of /etc/passwd, else 0, and the user's memberships in
/// /etc/group come with it; a group that is named comes alone. supplemental_groups are always added. Root
/// needs no accounts. FAILED_PRECONDITION when a name is unknown, or when it is root and run_as_non_root is
/// set.
Result<ProcessUser> process_user(const std::string& image_user, const SecurityContext& security,
                                 const ImageAccounts& accounts);

}  // namespace cloudless::runtime
