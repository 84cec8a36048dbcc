#include "services/settings/settings.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

using namespace cloudless;
using namespace cloudless::settings;

namespace {

struct Sample {
  std::string engine = "sqlite";
  std::string path = "/var/lib/cloudless";
  std::uint16_t threads = 2;
  bool reflection = true;
  Millis lease = 10'000;
  std::int64_t limit = 1 << 20;
  Address grpc{"127.0.0.1", 8080};
  std::optional<Address> ring = Address{"127.0.0.1", 9094};
  std::vector<std::string> tags;
  Labels labels;
  Settings settings{{"sample", "A sample.", "1.2.3", ""}};

  Sample() {
    settings.choice("store.engine", engine, {"sqlite", "memory"}, "Engine");
    settings.text("store.path", path, "Folder");
    settings.number<std::uint16_t>("threads", threads, {1, 64}, "Threads");
    settings.yes_no("grpc.reflection", reflection, "Reflection");
    settings.address("grpc.address", grpc, "Where to listen");
    settings.duration("lease", lease, {1000, 60'000}, "Lease");
    settings.size("grpc.limit", limit, {1024, 1 << 30}, "Largest request");
    settings.address("ring.address", ring, "Ring");
    settings.list("tags", tags, "Tags");
    settings.map("labels", labels, "Labels");
  }

  Result<Outcome> load(std::vector<std::string> words, std::map<std::string, std::string> variables = {}) {
    std::vector<const char*> argv{"sample"};
    for (const auto& w : words) argv.push_back(w.c_str());
    return settings.load(static_cast<int>(argv.size()), argv.data(),
                         [&](const std::string& name) -> std::optional<std::string> {
                           auto it = variables.find(name);
                           if (it == variables.end()) return std::nullopt;
                           return it->second;
                         });
  }
};

/// A file that goes with the test.
struct YamlOnDisk {
  std::string path;
  explicit YamlOnDisk(const std::string& content) {
    path = (std::filesystem::temp_directory_path() / "cloudless-settings-XXXXXX").string();
    const int fd = mkstemp(path.data());
    REQUIRE(fd >= 0);
    close(fd);
    std::ofstream(path) << content;
  }
  ~YamlOnDisk() { std::remove(path.c_str()); }
};

std::string message_of(const Result<Outcome>& outcome) {
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == Errc::invalid_argument);
  return outcome.error().message;
}

}  // namespace

TEST_CASE("a flag beats the environment, which beats the file, which beats the default") {
  YamlOnDisk file("store: {path: /file, engine: memory}\nthreads: 3\ngrpc:\n  reflection: false\n");
  Sample s;
  REQUIRE(s.load({"--config", file.path, "--store-path", "/flag"},
                 {{"CLOUDLESS_STORE_PATH", "/environment"}, {"CLOUDLESS_THREADS", "4"}})
              .has_value());
  CHECK(s.path == "/flag");
  CHECK(s.settings.origin("store.path") == "--store-path");
  CHECK(s.threads == 4);
  CHECK(s.settings.origin("threads") == "environment CLOUDLESS_THREADS");
  CHECK(s.engine == "memory");
  CHECK(s.settings.origin("store.engine") == file.path + ":1");
  CHECK_FALSE(s.reflection);
  CHECK(s.settings.origin("grpc.reflection") == file.path + ":4");
  CHECK(s.grpc == Address{"127.0.0.1", 8080});
  CHECK(s.settings.origin("grpc.address") == "default");
}

TEST_CASE("every kind of setting is read from every source") {
  YamlOnDisk file(
      "lease: 20s\ngrpc.limit: 64KiB\nring: {address: off}\ntags: [a, b]\nlabels:\n  zone: z1\n  disk: "
      "ssd\n");
  Sample s;
  REQUIRE(s.load({"--config", file.path}).has_value());
  CHECK(s.lease == 20'000);
  CHECK(s.limit == 64 << 10);
  CHECK_FALSE(s.ring.has_value());
  CHECK(s.tags == std::vector<std::string>{"a", "b"});
  CHECK(s.labels == Labels{{"zone", "z1"}, {"disk", "ssd"}});

  Sample t;
  REQUIRE(t.load({"--tags", "x, y", "--labels=k=v,l=", "--ring-address", "[::1]:7", "--lease=1m",
                  "--grpc-reflection=false"},
                 {})
              .has_value());
  CHECK(t.tags == std::vector<std::string>{"x", "y"});
  CHECK(t.labels == Labels{{"k", "v"}, {"l", ""}});
  CHECK(t.ring == Address{"::1", 7});
  CHECK(t.lease == 60'000);
  CHECK_FALSE(t.reflection);
}

TEST_CASE("an unknown key is refused with file and line, and the nearest name") {
  YamlOnDisk file("threads: 2\nstore:\n  pth: /x\nnonsense_of_another_kind: 1\n");
  Sample s;
  const auto message = message_of(s.load({"--config", file.path}));
  CHECK(message.find(file.path + ":3: store.pth: unknown setting; did you mean store.path?") !=
        std::string::npos);
  CHECK(message.find(file.path + ":4: nonsense_of_another_kind: unknown setting") != std::string::npos);
}

TEST_CASE("all bad values are named at once, each with its place and what is allowed") {
  YamlOnDisk file("store:\n  engine: etcd\nthreads: 65\ntags: one\n");
  Sample s;
  const auto message =
      message_of(s.load({"--config", file.path, "--lease", "10"}, {{"CLOUDLESS_GRPC_ADDRESS", "here"}}));
  CHECK(message.find(file.path + ":2: store.engine: \"etcd\" is not one of sqlite, memory") !=
        std::string::npos);
  CHECK(message.find(file.path + ":3: threads: \"65\" is not a whole number from 1 to 64") !=
        std::string::npos);
  CHECK(message.find(file.path + ":4: tags: must be a list") != std::string::npos);
  CHECK(message.find("--lease: lease: \"10\" is not a duration") != std::string::npos);
  CHECK(message.find("environment CLOUDLESS_GRPC_ADDRESS: grpc.address: \"here\" is not an address") !=
        std::string::npos);
  CHECK(std::count(message.begin(), message.end(), '\n') == 4);
}

TEST_CASE("a file that is no configuration is refused with its place") {
  struct Case {
    const char* content;
    const char* expected;
  };
  for (const auto& c :
       {Case{"a: [1\n", ":2:1: "}, Case{"- a\n", ":1:1: must be a mapping"},
        Case{"threads: 1\nthreads: 2\n", ":2:1: threads is given twice"},
        Case{"threads:\n", ":1:1: threads has no value"}, Case{"tags: [[a]]\n", ":1:8: must be one value"}}) {
    CAPTURE(c.content);
    YamlOnDisk file(c.content);
    Sample s;
    const auto message = message_of(s.load({"--config", file.path}));
    CAPTURE(message);
    CHECK(message.find(file.path + c.expected) != std::string::npos);
  }
  Sample s;
  CHECK(message_of(s.load({"--config", "/nonexistent/file.yaml"}))
            .find("/nonexistent/file.yaml: cannot be read") == 0);
}

TEST_CASE("a yes-or-no flag may stand alone, and then means yes") {
  struct Case {
    std::vector<std::string> flags;
    bool expected;
  };
  for (const auto& c :
       {Case{{"--grpc-reflection"}, true}, Case{{"--grpc-reflection", "--threads", "3"}, true},
        Case{{"--grpc-reflection=false"}, false}, Case{{"--grpc-reflection", "false"}, false},
        Case{{"--grpc-reflection", "true"}, true}}) {
    Sample s;
    s.reflection = !c.expected;
    const auto outcome = s.load(c.flags);
    if (!outcome) FAIL(outcome.error().message);
    CHECK(s.reflection == c.expected);
  }
}

TEST_CASE("an unknown flag is refused") {
  Sample s;
  CHECK(message_of(s.load({"--treads", "2"})).find("--treads") != std::string::npos);
}

TEST_CASE("help, version and the configuration are printed instead of a start") {
  Sample h;
  auto help = h.load({"--help"});
  REQUIRE(help.has_value());
  CHECK(help->exit);
  CHECK(help->text.find("--store-path") != std::string::npos);
  Sample v;
  CHECK(v.load({"--version"})->text == "sample 1.2.3\n");
  Sample r;
  CHECK_FALSE(r.load({})->exit);
}

TEST_CASE("the printed configuration can be read back and means the same") {
  Sample s;
  auto printed = s.load({"--print-config", "--tags", "a b,c", "--labels", "k=v w", "--lease", "45s",
                         "--store-path", "/a \"b\""});
  if (!printed) FAIL(printed.error().message);
  CHECK(printed->exit);
  CHECK(printed->text.find("# --lease") != std::string::npos);
  CHECK(printed->text.find("# default") != std::string::npos);
  YamlOnDisk file(printed->text);
  Sample again;
  const auto outcome = again.load({"--config", file.path});
  if (!outcome) FAIL(outcome.error().message);
  CHECK(again.path == s.path);
  CHECK(again.tags == s.tags);
  CHECK(again.labels == s.labels);
  CHECK(again.lease == 45'000);
  CHECK(again.ring == s.ring);
  CHECK(again.limit == s.limit);
}

TEST_CASE("addresses: what is one, and which are loopback") {
  struct Case {
    const char* text;
    bool good;
    bool loopback;
  };
  for (const auto& c :
       {Case{"127.0.0.1:80", true, true}, Case{"localhost:1", true, true}, Case{"[::1]:80", true, true},
        Case{"0.0.0.0:80", true, false}, Case{"[::]:80", true, false},
        Case{"host.example:65535", true, false}, Case{"host", false, false}, Case{":80", false, false},
        Case{"host:65536", false, false}, Case{"host:", false, false}, Case{"host:8x", false, false},
        Case{"::1:80", false, false}, Case{"[]:80", false, false}, Case{"a b:80", false, false}}) {
    CAPTURE(c.text);
    const auto parsed = parse_address(c.text);
    CHECK(parsed.has_value() == c.good);
    if (!parsed) continue;
    CHECK(is_loopback(*parsed) == c.loopback);
    CHECK(to_string(*parsed) == c.text);
  }
}
