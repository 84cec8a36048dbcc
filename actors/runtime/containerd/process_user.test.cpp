#include "actors/runtime/containerd/process_user.hpp"

#include <doctest/doctest.h>

namespace cloudless::runtime {
namespace {

const ImageAccounts kAccounts{
    "root:x:0:0:root:/root:/bin/sh\n"
    "# a remark\n"
    "broken:x\n"
    "app:x:1000:1001:App:/app:/bin/sh\n"
    "app:x:7:7:a second one::\n"
    "toor:x:0:5::/:\n"
    "nogroup:x:1500:1500\n"
    "bad:x:4294967295:1:::",
    "root:x:0:app\n"
    "app:x:1001:\n"
    "staff:x:50:other,app\n"
    "disk:x:6:other\n"
    "broken:x\n"
    "video:x:44:app,\n"};

SecurityContext as(std::optional<std::uint32_t> user, std::optional<std::uint32_t> group,
                   std::vector<std::uint32_t> more = {}) {
  SecurityContext out;
  out.run_as_user = user;
  out.run_as_group = group;
  out.supplemental_groups = std::move(more);
  return out;
}

TEST_CASE("a process is who the image says, unless the workload says otherwise") {
  struct Case {
    const char* image_user;
    SecurityContext security;
    ProcessUser expected;
    bool looks_up;
  };
  for (const auto& c :
       std::vector<Case>{{"", {}, {0, 0, {}}, false},
                         {"root", {}, {0, 0, {}}, false},
                         {"0:0", {}, {0, 0, {}}, false},
                         {"root:root", {}, {0, 0, {}}, false},
                         {"2000", {}, {2000, 0, {}}, true},
                         {"2000:3000", {}, {2000, 3000, {}}, false},
                         {"1000", {}, {1000, 1001, {0, 44, 50}}, true},
                         {"1000:0", {}, {1000, 0, {}}, false},
                         {"app", {}, {1000, 1001, {0, 44, 50}}, true},
                         {"app:disk", {}, {1000, 6, {}}, true},
                         {"app:77", {}, {1000, 77, {}}, true},
                         {"2000:staff", {}, {2000, 50, {}}, true},
                         {"nogroup", {}, {1500, 1500, {}}, true},
                         {"toor", {}, {0, 0, {}}, true},
                         {"app", as(0, {}), {0, 0, {}}, false},
                         {"app", as(2000, {}), {2000, 0, {}}, true},
                         {"", as(1000, {}), {1000, 1001, {0, 44, 50}}, true},
                         {"", as(1000, 9), {1000, 9, {}}, false},
                         {"app", as({}, 9), {1000, 9, {}}, true},
                         {"app:disk", as(5, {}), {5, 6, {}}, true},
                         {"", as({}, 9, {3, 1, 3}), {0, 9, {1, 3}}, false},
                         {"app", as({}, {}, {50, 60}), {1000, 1001, {0, 44, 50, 60}}, true},
                         {"4294967294", as({}, 4294967294), {4294967294, 4294967294, {}}, false}}) {
    CAPTURE(c.image_user);
    const auto user = process_user(c.image_user, c.security, kAccounts);
    REQUIRE_MESSAGE(user.has_value(), user.error().message);
    CHECK(user->uid == c.expected.uid);
    CHECK(user->gid == c.expected.gid);
    CHECK(user->groups == c.expected.groups);
    CHECK(needs_accounts(c.image_user, c.security) == c.looks_up);
    if (!c.looks_up) CHECK(process_user(c.image_user, c.security, {}) == user);
  }
}

TEST_CASE("a user or group that nobody knows is refused with its name") {
  for (const char* user : {"nobody", "1000:nobody", "-1", "1000:", "99999999999", "4294967295", "broken",
                           "bad", "app:broken", "#"}) {
    CAPTURE(user);
    const auto refused = process_user(user, {}, kAccounts);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::failed_precondition);
    CHECK(refused.error().message.find("set security_context.run_as_") != std::string::npos);
  }
  CHECK_FALSE(process_user("app", {}, {}).has_value());
}

TEST_CASE("run_as_non_root refuses root, however it is spelt") {
  struct Case {
    const char* image_user;
    std::optional<std::uint32_t> run_as_user;
    bool refused;
  };
  for (const auto& c : std::vector<Case>{{"", {}, true},
                                         {"root", {}, true},
                                         {"0", {}, true},
                                         {"00", {}, true},
                                         {"toor", {}, true},
                                         {"0:1000", {}, true},
                                         {"app", {}, false},
                                         {"1000", {}, false},
                                         {"", 1000, false},
                                         {"app", 0, true}}) {
    CAPTURE(c.image_user);
    auto security = as(c.run_as_user, {});
    security.run_as_non_root = true;
    const auto user = process_user(c.image_user, security, kAccounts);
    CHECK(user.has_value() != c.refused);
    if (c.refused) CHECK(user.error().message.find("run_as_non_root is set") != std::string::npos);
  }
}

}  // namespace
}  // namespace cloudless::runtime
