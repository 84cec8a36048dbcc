#include "services/cloudlessctl/manifest.hpp"

#include <doctest/doctest.h>

#include <random>
#include <sstream>

#include "services/cloudlessctl/message_json.hpp"

namespace cloudless::cli {
namespace {

constexpr const char* kHead = "apiVersion: cloudless.io/v1\nkind: Workload\nmetadata: {name: web}\n";

/// The first manifest of a text that must be good.
Manifest manifest_of(const std::string& text) {
  auto manifests = parse_manifests(text, "web.yaml");
  REQUIRE_MESSAGE(manifests.has_value(), to_text("web.yaml", manifests ? Problem{} : manifests.error()[0]));
  return (*manifests)[0];
}

std::vector<std::string> problems_of(const std::string& text) {
  const auto manifests = parse_manifests(text, "web.yaml");
  REQUIRE_FALSE(manifests.has_value());
  std::vector<std::string> out;
  for (const auto& problem : manifests.error()) out.push_back(to_text("web.yaml", problem));
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a manifest becomes a spec, in camelCase and in snake_case alike") {
  const std::string camel = R"(
apiVersion: cloudless.io/v1
kind: Workload
metadata:
  namespace: shop
  name: web
  labels: {app: web, tier: "1"}
spec:
  image: nginx
  command: [sh, -c, "true"]
  env:
    - {name: A, value: 1}
    - name: B
      value: |
        two
        lines
  replicas: 3
  imagePullPolicy: NEVER
  restartPolicy: {mode: ON_FAILURE, maxRetries: 2, backoff: {initialMs: 50}}
  rollout: {maxSurge: 25%, maxUnavailable: 1, minAvailable: 0}
  resources:
    requests: {cpu: 500m, memory: 64Mi}
    limits: {cpuMillicores: 1000, memoryBytes: "128Mi"}
  ports: [{name: http, containerPort: 80, protocol: UDP}]
  hostNetwork: false
  terminationGracePeriodMs: "5000"
  volumes: null
)";
  const auto manifest = manifest_of(camel);
  CHECK(manifest.ns == "shop");
  CHECK(manifest.name == "web");
  const auto& spec = manifest.spec;
  CHECK(spec.image() == "nginx");
  CHECK(spec.command(2) == "true");
  CHECK(spec.env(0).value() == "1");
  CHECK(spec.env(1).value() == "two\nlines\n");
  CHECK(spec.replicas() == 3);
  CHECK(spec.image_pull_policy() == api::IMAGE_PULL_POLICY_NEVER);
  CHECK(spec.restart_policy().mode() == api::RestartPolicy::ON_FAILURE);
  CHECK(spec.restart_policy().backoff().initial_ms() == 50);
  CHECK(spec.rollout().max_surge().percent() == 25);
  CHECK(spec.rollout().max_unavailable().absolute() == 1);
  CHECK(spec.rollout().has_min_available());
  CHECK(spec.resources().requests().cpu_millicores() == 500);
  CHECK(spec.resources().requests().memory_bytes() == 64 << 20);
  CHECK(spec.resources().limits().memory_bytes() == 128 << 20);
  CHECK(spec.ports(0).protocol() == api::Port::UDP);
  CHECK(spec.termination_grace_period_ms() == 5000);
  CHECK(spec.labels().at("tier") == "1");
  CHECK_FALSE(spec.has_placement());

  const auto snake = manifest_of(std::string(kHead) +
                                 "spec:\n  image: a\n  image_pull_policy: IMAGE_PULL_POLICY_ALWAYS\n"
                                 "  rollout: {max_surge: {percent: 10}}\n  termination_grace_period_ms: 1\n");
  CHECK(snake.spec.image_pull_policy() == api::IMAGE_PULL_POLICY_ALWAYS);
  CHECK(snake.spec.rollout().max_surge().percent() == 10);
}

TEST_CASE("volumes and files are written as people write them, and printed so that they can be read back") {
  const std::string text = std::string(kHead) + R"(
spec:
  image: a
  volumes:
    - {name: cache, mountPath: /cache, emptyDir: {sizeLimit: 64Mi}}
    - {name: scratch, mount_path: /scratch, empty_dir: {memory: true, size_limit_bytes: 4096}}
    - {name: logs, mountPath: /logs, readOnly: true, hostPath: {path: /var/log}}
  configFiles:
    - path: /etc/app.conf
      mode: 0640
      content: |
        listen 80
        # ünïcode
    - {path: /key, contentBase64: "AAEC\n/w==", mode: "0o400"}
    - {path: /empty}
  resources: {requests: {storage: 1Gi}, limits: {storage: 2Gi}}
)";
  const auto spec = manifest_of(text).spec;
  CHECK(spec.volumes(0).empty_dir().size_limit_bytes() == 64 << 20);
  CHECK(spec.volumes(1).empty_dir().size_limit_bytes() == 4096);
  CHECK(spec.volumes(1).empty_dir().memory());
  CHECK(spec.volumes(2).host_path().path() == "/var/log");
  CHECK(spec.volumes(2).read_only());
  CHECK(spec.config_files(0).content() == "listen 80\n# ünïcode\n");
  CHECK(spec.config_files(0).mode() == 0640);
  CHECK(spec.config_files(1).content() == std::string("\0\x01\x02\xff", 4));
  CHECK(spec.config_files(1).mode() == 0400);
  CHECK_FALSE(spec.config_files(2).has_mode());
  CHECK(spec.resources().limits().storage_bytes() == 2LL << 30);

  const auto json = to_json(spec);
  CHECK(json["config_files"][0]["mode"] == "0640");
  CHECK(json["config_files"][1]["content_base64"] == "AAEC/w==");
  std::string indented;
  std::istringstream printed(to_yaml(json));
  for (std::string line; std::getline(printed, line);) indented += "  " + line + "\n";
  const auto again = manifest_of(std::string(kHead) + "spec:\n" + indented).spec;
  CHECK(again.SerializeAsString() == spec.SerializeAsString());
}

TEST_CASE("a mode without a 0, and content that is no base64, are refused") {
  const auto wrong = [](const std::string& file) {
    const auto problems = problems_of(std::string(kHead) + "spec: {image: a, configFiles: [" + file + "]}\n");
    CHECK(problems.size() == 1);
    return problems[0];
  };
  for (const char* mode : {"640", "0x1ff", "0888", "rw-r--r--", "-0640", "0000000640"})
    CHECK(wrong("{path: /a, mode: " + std::string(mode) + "}").find("permission bits as chmod takes them") !=
          std::string::npos);
  for (const char* content : {"AAE", "A===", "AA=A", "AA==AA==", "?A=="})
    CHECK(wrong("{path: /a, contentBase64: \"" + std::string(content) + "\"}").find("is not base64") !=
          std::string::npos);
  CHECK(wrong("{path: /a, content: a, contentBase64: AAEC}").find("given twice") != std::string::npos);
}

TEST_CASE("JSON is read like YAML") {
  const auto manifest = manifest_of(
      "{\n\t\"apiVersion\": \"cloudless.io/v1\", \"kind\": \"Workload\",\n\t\"metadata\": {\"name\": "
      "\"web\"},\n"
      "\t\"spec\": {\"image\": \"a\", \"args\": [\"1\", \"\\u00fc\\n\"], \"replicas\": 2}\n}\n");
  CHECK(manifest.spec.args(1) == "ü\n");
  CHECK(manifest.spec.replicas() == 2);
  CHECK(problems_of("{\"apiVersion\": \"cloudless.io/v1\", \"kind\": \"Workload\",\n \"metadata\": "
                    "{\"name\": \"web\"},\n"
                    " \"spec\": {\"image\": \"a\", \"replicas\": -2}}") ==
        Lines{"web.yaml:3:37: spec.replicas: is '-2', expected a whole number, not negative"});
}

TEST_CASE("several documents in one text are several manifests") {
  const std::string one = std::string(kHead) + "spec: {image: a}\n";
  const auto manifests = parse_manifests("---\n" + one + "---\n---\n" + one + "...\n", "web.yaml");
  REQUIRE(manifests.has_value());
  CHECK(manifests->size() == 2);
  CHECK(problems_of("") == Lines{"web.yaml:1:1: has no manifest in it"});
  CHECK(problems_of("# nothing\n---\n") == Lines{"web.yaml:1:1: has no manifest in it"});
}

TEST_CASE("aliases are followed") {
  const auto manifest = manifest_of(std::string(kHead) + "spec:\n  image: &i a\n  args: [*i, *i]\n");
  CHECK(manifest.spec.args(1) == "a");
}

TEST_CASE("problems have a place, a field and a reason, all at once") {
  CHECK(
      problems_of("apiVersion: v1\nkind: Pod\nmetdata: {}\nspec:\n  imge: nginx\n  replicas: many\n  env:\n  "
                  "  - nme: A\n"
                  "  ports: {}\n  image_pull_policy: OFTEN\n  host_network: yes\n  command: sh\n  rollout:\n"
                  "    max_surge: 5 %\n    maxSurge: 1\n") ==
      Lines{
          "web.yaml:3:1: metdata: unknown field, did you mean 'metadata'?",
          "web.yaml:1:13: apiVersion: is 'v1', expected cloudless.io/v1",
          "web.yaml:2:7: kind: is 'Pod', expected Workload",
          "web.yaml:5:3: spec.imge: unknown field, did you mean 'image'?",
          "web.yaml:6:13: spec.replicas: is 'many', expected a whole number, not negative",
          "web.yaml:8:7: spec.env[0].nme: unknown field, did you mean 'name'?",
          "web.yaml:9:10: spec.ports: is a mapping, expected a list",
          "web.yaml:10:22: spec.image_pull_policy: is 'OFTEN', expected one of ALWAYS, IF_NOT_PRESENT, NEVER",
          "web.yaml:11:17: spec.host_network: is 'yes', expected true or false",
          "web.yaml:12:12: spec.command: is a single value, expected a list",
          "web.yaml:14:16: spec.rollout.max_surge: is '5 %', expected a number of replicas or a share like "
          "25%",
          "web.yaml:15:5: spec.rollout.max_surge: is given twice, under two spellings",
          "web.yaml:1:1: metadata: is required, with at least a name"});
}

TEST_CASE("each mistake is said where it is") {
  const struct {
    std::string text;
    std::string problem;
  } cases[] = {
      {"just words", "web.yaml:1:1: is not a manifest: expected apiVersion, kind, metadata and spec"},
      {std::string(kHead), "web.yaml:1:1: spec: is required"},
      {std::string(kHead) + "spec: []", "web.yaml:4:7: spec: is a list, expected a mapping"},
      {std::string(kHead) + "spec: {image: a, image: b}",
       "web.yaml:4:18: image: is there twice, first in line 4"},
      {std::string(kHead) + "spec: {image: [a]}", "web.yaml:4:15: spec.image: is a list, expected text"},
      {std::string(kHead) + "spec: {image: a, replicas: 4294967296}",
       "web.yaml:4:28: spec.replicas: is '4294967296', expected a whole number, not negative"},
      {std::string(kHead) + "spec: {image: a, resources: {requests: {memory: lots}}}",
       "web.yaml:4:49: spec.resources.requests.memory_bytes: is 'lots', expected bytes: 67108864 or 64Mi"},
      {std::string(kHead) + "spec: {image: a, liveness: {tcp: {port: 1}, http: {port: 1}}}",
       "web.yaml:4:45: spec.liveness.http: excludes tcp, which is given too"},
      {std::string(kHead) + "spec: {image: a, labels: {x: [1]}}",
       "web.yaml:4:30: spec.labels[x]: is a list, expected text"},
      {std::string(kHead) + "spec: {image: a, args: [~]}",
       "web.yaml:4:25: spec.args[0]: is nothing, expected a value"},
      {"apiVersion: cloudless.io/v1\nkind: Workload\nmetadata: {namespace: a}\nspec: {image: a}",
       "web.yaml:3:1: metadata.name: is required"},
      {"apiVersion: cloudless.io/v1\nkind: Workload\nmetadata: {name: a, labels: {x: b}}\nspec: {image: a, "
       "labels: {x: c}}",
       "web.yaml:3:30: metadata.labels[x]: is 'b', but spec.labels says 'c'"},
      {"a: [", "web.yaml:"},
      {"a: b: c", "web.yaml:1:5: "},
      {"\t- a", "web.yaml:1:"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto problems = problems_of(c.text);
    REQUIRE_FALSE(problems.empty());
    CHECK(problems[0].substr(0, c.problem.size()) == c.problem);
  }
}

TEST_CASE("a text that would exhaust the reader is an error") {
  const auto only_problem = [](const std::string& text) {
    const auto problems = problems_of(text);
    CHECK(problems.size() == 1);
    return problems[0];
  };
  CHECK(only_problem(std::string((2 << 20) + 1, 'a')) == "web.yaml: is larger than 2 MiB");
  CHECK(only_problem(std::string(100'000, '[')).find("nested more than 64 levels") != std::string::npos);
  CHECK(only_problem(std::string(100'000, '{')).find("web.yaml:1:") == 0);
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  CHECK(only_problem(deep).find("nested more than 64 levels") != std::string::npos);
  std::string dashes;
  for (int i = 0; i < 50'000; ++i) dashes += "- ";
  CHECK(only_problem(dashes).find("web.yaml:1:") == 0);

  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int n = 0; n < 10; ++n) laughs += before + (n < 9 ? ", " : "]\n");
  }
  CHECK(only_problem(laughs).find("aliases counted") != std::string::npos);
  const std::string long_text = "a: &a \"" + std::string(500'000, 'x') + "\"\nb: [";
  std::string copies;
  for (int i = 0; i < 20; ++i) copies += "*a, ";
  CHECK(only_problem(long_text + copies + "]").find("4 MiB") != std::string::npos);
  CHECK(only_problem("a: &a [*a]").find("refers to what it is part of") != std::string::npos);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "--- a\n";
  CHECK(only_problem(many).find("100 documents") != std::string::npos);
  CHECK(only_problem(std::string("a\0b", 3)).find("NUL") != std::string::npos);
}

TEST_CASE("damaged manifests are problems, never crashes") {
  const std::string good =
      std::string(kHead) +
      "spec:\n  image: a\n  env: [{name: A, value: \"x\"}]\n  rollout: {maxSurge: 25%}\n";
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    std::string damaged = good;
    for (auto n = 1 + random() % 4; n > 0; --n) {
      const char alphabet[] = "[]{}:,-&*!|>'\"%@`#\n\t a1\xff";
      damaged[random() % damaged.size()] = alphabet[random() % (sizeof(alphabet) - 1)];
    }
    const auto manifests = parse_manifests(damaged, "x");
    if (!manifests) CHECK_FALSE(manifests.error().empty());
  }
}

TEST_CASE("the server's words are put beside the line they are about") {
  const auto manifest =
      manifest_of(std::string(kHead) + "spec:\n  image: a b\n  env:\n    - name: A\n    - name: A\n");
  CHECK(to_text("f", locate(manifest, {"spec.image", "is bad"})) == "f:5:3: spec.image: is bad");
  CHECK(to_text("f", locate(manifest, {"spec.env[1].name", "again"})) == "f:8:7: spec.env[1].name: again");
  CHECK(to_text("f", locate(manifest, {"spec.env[1].value", "absent"})) ==
        "f:8:7: spec.env[1].value: absent");
  CHECK(to_text("f", locate(manifest, {"spec.replicas", "absent"})) == "f:4:1: spec.replicas: absent");
  CHECK(to_text("f", locate(manifest, {"name", "is bad"})) == "f:3:18: metadata.name: is bad");
  CHECK(to_text("f", locate(manifest, {"namespace", "is bad"})) == "f:3:1: metadata.namespace: is bad");
  CHECK(to_text("f", locate(manifest, {"other", "is bad"})) == "f:1:1: other: is bad");
}

}  // namespace cloudless::cli
