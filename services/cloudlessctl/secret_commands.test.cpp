// The secret commands against a server that only knows secrets.
#include <doctest/doctest.h>
#include <grpcpp/grpcpp.h>

#include <map>
#include <mutex>
#include <sstream>

#include "services/cloudlessctl/app.hpp"

namespace cloudless::cli {
namespace {

class SecretServer final : public api::CoordinatorService::Service {
 public:
  SecretServer() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }
  ~SecretServer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  grpc::Status PutSecret(grpc::ServerContext*, const api::PutSecretRequest* request,
                         api::Secret* reply) override {
    const std::lock_guard lock(mutex);
    secrets[request->namespace_() + "/" + request->name()] = *request;
    reply->set_namespace_(request->namespace_());
    reply->set_name(request->name());
    reply->set_type(api::Secret::REGISTRY);
    reply->set_server(request->registry().server());
    return grpc::Status::OK;
  }
  /// One to a page.
  grpc::Status ListSecrets(grpc::ServerContext*, const api::ListSecretsRequest* request,
                           api::ListSecretsReply* reply) override {
    const std::lock_guard lock(mutex);
    const auto at =
        request->page_token().empty() ? secrets.begin() : secrets.upper_bound(request->page_token());
    if (at == secrets.end()) return grpc::Status::OK;
    auto& secret = *reply->add_secrets();
    secret.set_namespace_(at->second.namespace_());
    secret.set_name(at->second.name());
    secret.set_type(api::Secret::REGISTRY);
    secret.set_server(at->second.registry().server());
    if (std::next(at) != secrets.end()) reply->set_next_page_token(at->first);
    return grpc::Status::OK;
  }
  grpc::Status DeleteSecret(grpc::ServerContext*, const api::DeleteSecretRequest* request,
                            api::DeleteSecretReply*) override {
    const std::lock_guard lock(mutex);
    return secrets.erase(request->namespace_() + "/" + request->name()) > 0
               ? grpc::Status::OK
               : grpc::Status(grpc::StatusCode::NOT_FOUND, "secret default/none does not exist");
  }

  struct Ran {
    int code = 0;
    std::string out, err;
  };
  /// `hidden`: what a person types at the terminal; absent: there is none.
  Ran ctl(std::vector<std::string> arguments, const std::string& input = {},
          std::optional<std::string> hidden = {}) {
    std::istringstream in(input);
    std::ostringstream out, err;
    Terminal terminal{in, out, err, false, false, [&](const std::string& prompt) {
                        err << prompt;
                        return hidden;
                      }};
    const auto environment = [this](const char* name) {
      return std::string(name) == "CLOUDLESS_SERVER" ? std::optional(address_) : std::nullopt;
    };
    const int code = run(std::move(arguments), terminal, environment);
    return {code, out.str(), err.str()};
  }

  std::mutex mutex;
  std::map<std::string, api::PutSecretRequest> secrets;

 private:
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

std::vector<std::string> create(std::vector<std::string> more = {}) {
  std::vector<std::string> out{"secret",         "create-registry", "reg",  "--registry",
                               "r.example:5000", "--username",      "robot"};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

TEST_CASE("a registry's password comes from standard input, without its line break") {
  for (const char* input : {"correct horse", "correct horse\n", "correct horse\r\n"}) {
    SecretServer server;
    const auto ran = server.ctl(create({"--password-stdin"}), input);
    CHECK(ran.code == 0);
    CHECK(ran.out == "secret default/reg written\n");
    const auto& put = server.secrets.at("default/reg");
    CHECK(put.registry().server() == "r.example:5000");
    CHECK(put.registry().username() == "robot");
    CHECK(put.registry().password() == "correct horse");
  }
}

TEST_CASE("a registry's password is asked for at the terminal, and is never an argument") {
  SecretServer server;
  const auto asked = server.ctl(create(), {}, "correct horse");
  CHECK(asked.code == 0);
  CHECK(asked.err.find("Password of robot at r.example:5000") != std::string::npos);
  CHECK(server.secrets.at("default/reg").registry().password() == "correct horse");
  const auto nobody = server.ctl(create());
  CHECK(nobody.code == 2);
  CHECK(nobody.err.find("--password-stdin") != std::string::npos);
  CHECK(server.ctl(create({"--password", "correct horse"})).code == 2);
}

TEST_CASE("secrets are listed over all pages without their values, and deleted") {
  SecretServer server;
  for (const char* name : {"a", "b", "c"})
    REQUIRE(server.ctl({"secret", "create-registry", name, "--username", "u", "--password-stdin"}, "hunter2")
                .code == 0);
  const auto listed = server.ctl({"secret", "list"});
  CHECK(listed.code == 0);
  for (const char* part : {"NAME", "a ", "b ", "c ", "REGISTRY", "docker.io"})
    CHECK(listed.out.find(part) != std::string::npos);
  CHECK(server.ctl({"secret", "list", "-o", "json"}).out.find("hunter2") == std::string::npos);
  CHECK(server.ctl({"secret", "delete", "b"}).out == "secret default/b deleted\n");
  CHECK(server.ctl({"secret", "delete", "b"}).code == 4);
  CHECK(server.ctl({"secret", "list"}).out.find("b ") == std::string::npos);
}

}  // namespace
}  // namespace cloudless::cli
