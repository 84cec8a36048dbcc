#include "actors/runtime/containerd/process_user.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

namespace cloudless::runtime {
namespace {

constexpr std::uint32_t kNoId = std::numeric_limits<std::uint32_t>::max();  // means "unchanged" to the kernel

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t id = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, ec] = std::from_chars(text.data(), end, id);
  if (ec != std::errc{} || stop != end || id == kNoId) return std::nullopt;
  return id;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto end = text.find(by);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

struct Account {
  std::string_view name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

/// The first that fits, as the C library finds it; lines that are none are skipped.
std::optional<Account> account(std::string_view passwd, const auto& fits) {
  for (const auto line : split(passwd, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 4 || fields[0].empty()) continue;
    const auto uid = number(fields[2]), gid = number(fields[3]);
    if (!uid || !gid) continue;
    const Account found{fields[0], *uid, *gid};
    if (fits(found)) return found;
  }
  return std::nullopt;
}

struct Group {
  std::string_view name;
  std::uint32_t gid = 0;
  std::vector<std::string_view> members;
};

std::vector<Group> groups_of(std::string_view text) {
  std::vector<Group> out;
  for (const auto line : split(text, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 3 || fields[0].empty()) continue;
    if (const auto gid = number(fields[2]))
      out.push_back(
          {fields[0], *gid, fields.size() > 3 ? split(fields[3], ',') : std::vector<std::string_view>{}});
  }
  return out;
}

/// "user:group" cut at the colon; no colon: no group.
struct UserWords {
  std::string user;
  std::optional<std::string> group;
};

UserWords words_of(const std::string& image_user, const SecurityContext& security) {
  const auto colon = image_user.find(':');
  UserWords out{image_user.substr(0, colon), std::nullopt};
  if (colon != std::string::npos) out.group = image_user.substr(colon + 1);
  if (security.run_as_user) out.user = std::to_string(*security.run_as_user);
  if (security.run_as_group) out.group = std::to_string(*security.run_as_group);
  if (out.user.empty() || out.user == "root") out.user = "0";
  if (out.group == "root") out.group = "0";
  return out;
}

Error unknown(const char* kind, const std::string& name, const char* file, const char* field) {
  return {Errc::failed_precondition,
          std::string("the image's ") + kind + " \"" + name + "\" is neither a number nor in the image's " +
              file + "; set security_context." + field,
          {}};
}

}  // namespace

bool needs_accounts(const std::string& image_user, const SecurityContext& security) {
  const auto words = words_of(image_user, security);
  const auto uid = number(words.user);
  if (!uid || (words.group && !number(*words.group))) return true;
  return *uid != 0 && !words.group;
}

Result<ProcessUser> process_user(const std::string& image_user, const SecurityContext& security,
                                 const ImageAccounts& accounts) {
  const auto words = words_of(image_user, security);
  const auto uid = number(words.user);
  const auto known =
      account(accounts.passwd, [&](const Account& a) { return uid ? a.uid == *uid : a.name == words.user; });
  if (!uid && !known) return fail(unknown("user", words.user, "/etc/passwd", "run_as_user"));
  ProcessUser out;
  out.uid = uid ? *uid : known->uid;
  out.groups = security.supplemental_groups;
  if (words.group) {
    const auto groups = groups_of(accounts.group);
    const auto named =
        std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.name == *words.group; });
    const auto gid = number(*words.group);
    if (!gid && named == groups.end())
      return fail(unknown("group", *words.group, "/etc/group", "run_as_group"));
    out.gid = gid ? *gid : named->gid;
  } else if (known && out.uid != 0) {
    out.gid = known->gid;
    for (const auto& group : groups_of(accounts.group))
      if (std::find(group.members.begin(), group.members.end(), known->name) != group.members.end())
        out.groups.push_back(group.gid);
  }
  std::sort(out.groups.begin(), out.groups.end());
  out.groups.erase(std::unique(out.groups.begin(), out.groups.end()), out.groups.end());
  if (security.run_as_non_root && out.uid == 0)
    return fail(Errc::failed_precondition,
                "security_context.run_as_non_root is set, and the image's user \"" + image_user +
                    "\" is root; set run_as_user, or use an image with another user");
  return out;
}

}  // namespace cloudless::runtime
