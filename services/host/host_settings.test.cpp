#include "services/host/host_settings.hpp"

#include <doctest/doctest.h>

namespace cloudless::host {
namespace {

TEST_CASE("a host is told what to do, and everything that does not fit together is named at once") {
  const settings::Address ring{"127.0.0.1", 9094};
  const settings::Address outside{"192.0.2.1", 9094};
  struct Case {
    const char* what;
    HostSettings settings;
    std::vector<const char*> wrong;  // words of the message; none: fine
  };
  const HostSettings bare;
  HostSettings member;
  member.coordinator = ring;
  member.run = {"scheduler", "rollout"};
  auto with = [](HostSettings base, auto change) {
    change(base);
    return base;
  };
  const std::vector<Case> cases{
      {"only listening", bare, {}},
      {"both", member, {}},
      {"only a member", with(member, [](auto& s) { s.listen.reset(); }), {}},
      {"neither", with(bare, [](auto& s) { s.listen.reset(); }), {"nothing to do"}},
      {"nobody to work for", with(member, [](auto& s) { s.coordinator.reset(); }), {"run needs coordinator"}},
      {"no work",
       with(member, [](auto& s) { s.run.clear(); }),
       {"coordinator needs run", "rollout, scheduler"}},
      {"unknown work",
       with(member,
            [](auto& s) {
              s.run = {"scheduler", "store"};
            }),
       {"unknown decider store"}},
      {"on a network", with(member, [&](auto& s) { s.listen = s.coordinator = outside; }), {}}};
  for (const auto& [what, settings, wrong] : cases) {
    CAPTURE(what);
    const auto checked = check(settings);
    CHECK(checked.has_value() == wrong.empty());
    for (const auto* words : wrong) {
      CAPTURE(words);
      CHECK(checked.error().code == Errc::invalid_argument);
      CHECK(checked.error().message.find(words) != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace cloudless::host
