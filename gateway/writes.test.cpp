#include <doctest/doctest.h>
#include <grpcpp/health_check_service_interface.h>

#include <future>

#include "gateway/gateway_fixture.test.hpp"

using namespace cloudless;
using namespace cloudless::gateway;
using namespace cloudless::gateway::test;

namespace {

api::CreateWorkloadRequest create(const std::string& name) {
  api::CreateWorkloadRequest request;
  request.set_name(name);
  request.mutable_spec()->set_image("image:1");
  request.mutable_spec()->set_replicas(0);
  return request;
}

/// Commits what it is told and answers with the revision, as the real owner does.
void accept_everything(Fixture& f) {
  f.script.with([&](Script& s) {
    s.on_command = [&f](const WorkloadCommand& command) -> caf::result<Carried<CommandReply>> {
      Workload w = workload("", "aaaaaaaaaa", f.mirror->revision() + 1);
      if (auto* c = std::get_if<CreateWorkload>(&command.action)) {
        w.name = c->name;
        w.spec = c->spec;
      } else if (auto* u = std::get_if<UpdateWorkload>(&command.action)) {
        w.name = u->name;
        w.spec = u->spec;
      }
      const auto revision = f.commit({put_workload(w)});
      return Carried<CommandReply>(CommandReply{w, revision});
    };
  });
}

}  // namespace

TEST_CASE("gateway: a write is answered once the gateway itself shows it") {
  Fixture f;
  f.commit({});
  f.script.with([](Script& s) {
    s.on_command = [](const WorkloadCommand& command) -> caf::result<Carried<CommandReply>> {
      auto w = workload(std::get<CreateWorkload>(command.action).name, "aaaaaaaaaa", 2);
      return Carried<CommandReply>(CommandReply{w, 2});
    };
  });
  api::Workload reply;
  auto waiting = std::async(std::launch::async, [&] {
    CallContext context;
    return f.stub->CreateWorkload(&context, create("web"), &reply);
  });
  CHECK(eventually([&] { return f.script.with([](Script& s) { return s.commands.size() == 1; }); }));
  CHECK(waiting.wait_for(50ms) == std::future_status::timeout);
  f.commit({put_workload(workload("web", "aaaaaaaaaa", 2))});
  REQUIRE(waiting.get().ok());
  CHECK(reply.name() == "web");
  CHECK(reply.store_revision() == 2);
}

TEST_CASE("gateway: an owner's error is the call's status, with its violations") {
  Fixture f;
  f.commit({});
  f.script.with([](Script& s) {
    s.on_command = [](const WorkloadCommand&) -> caf::result<Carried<CommandReply>> {
      return to_caf({Errc::already_exists, "workload default/web exists", {{"name", "is taken"}}});
    };
  });
  api::Workload reply;
  CallContext context;
  const auto status = f.stub->CreateWorkload(&context, create("web"), &reply);
  CHECK(status.error_code() == grpc::StatusCode::ALREADY_EXISTS);
  CHECK(status.error_message() == "workload default/web exists\nname: is taken");
}

TEST_CASE("gateway: bad words never reach an owner, and are all named at once") {
  Fixture f;
  f.commit({});
  auto request = create("Not A Name");
  request.mutable_spec()->set_image("");
  api::Workload reply;
  CallContext context;
  const auto status = f.stub->CreateWorkload(&context, request, &reply);
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(status.error_message().find("\nname: ") != std::string::npos);
  CHECK(status.error_message().find("\nspec.image: ") != std::string::npos);
  CHECK(f.script.commands.empty());
}

TEST_CASE("gateway: requests over 1 MiB are refused as such") {
  Fixture f;
  f.commit({});
  for (const std::size_t size : {std::size_t{1} << 20, std::size_t{100} << 20}) {
    auto request = create("web");
    (*request.mutable_spec()->mutable_annotations())["a"] = std::string(size, 'x');
    api::Workload reply;
    CallContext context;
    CHECK(f.stub->CreateWorkload(&context, request, &reply).error_code() ==
          grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
  CHECK(f.script.commands.empty());
}

TEST_CASE("gateway: a call whose owner is gone, or drops it, ends UNAVAILABLE") {
  Fixture f;
  f.commit({});
  const auto owners = f.owners->now();
  caf::anon_send_exit(owners->workloads, caf::exit_reason::kill);
  api::Workload reply;
  CallContext context;
  CHECK(f.stub->CreateWorkload(&context, create("web"), &reply).error_code() ==
        grpc::StatusCode::UNAVAILABLE);
  f.owners->set({});
  CallContext second;
  CHECK(f.stub->CreateWorkload(&second, create("web"), &reply).error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("gateway: a call that is dropped is finished by its destructor, once") {
  int ended = 0;
  Errc code = Errc::none;
  {
    Call call(Carried<EventQuery>(EventQuery{}), 1000, [&](Result<Answer> answer) {
      ++ended;
      code = answer.error().code;
    });
  }
  CHECK(ended == 1);
  CHECK(code == Errc::unavailable);
  {
    Call call(Carried<EventQuery>(EventQuery{}), 1000, [&](Result<Answer>) { ++ended; });
    call.finish(Answer{Carried<EventList>{}});
    call.finish(fail(Errc::internal, "too late"));
  }
  CHECK(ended == 2);
}

TEST_CASE("gateway: a masked update keeps what the mask does not name, also against another writer") {
  Fixture f;
  auto before = workload("web", "aaaaaaaaaa", 1, {{"keep", "me"}});
  before.spec.pod.env.push_back({"A", "1"});
  f.commit({put_workload(before)});
  accept_everything(f);
  int attempts = 0;
  f.script.with([&](Script& s) {
    s.on_command =
        [&, accept = s.on_command](const WorkloadCommand& command) -> caf::result<Carried<CommandReply>> {
      if (++attempts > 1) return accept(command);
      // Somebody else was faster.
      auto other = before;
      other.revision = 2;
      other.spec.pod.env.push_back({"B", "2"});
      f.commit({put_workload(other)});
      return to_caf({Errc::aborted, "is at revision 2", {}});
    };
  });
  api::UpdateWorkloadRequest request;
  request.set_name("web");
  request.mutable_spec()->set_image("image:2");
  request.mutable_update_mask()->add_paths("image");
  api::Workload reply;
  CallContext context;
  const auto status = f.stub->UpdateWorkload(&context, request, &reply);
  CAPTURE(status.error_message());
  REQUIRE(status.ok());
  CHECK(attempts == 2);
  CHECK(reply.spec().image() == "image:2");
  CHECK(reply.spec().env_size() == 2);
  CHECK(reply.spec().labels().at("keep") == "me");
  const auto& sent = std::get<UpdateWorkload>(f.script.commands.back().action);
  CHECK(sent.expected_revision == 2);
  CHECK(sent.keep_replicas);
}

TEST_CASE("gateway: an update that expects a revision is not tried again") {
  Fixture f;
  f.commit({put_workload(workload("web", "aaaaaaaaaa", 5))});
  f.script.with([](Script& s) {
    s.on_command = [](const WorkloadCommand&) -> caf::result<Carried<CommandReply>> {
      return to_caf({Errc::aborted, "is at revision 6, not 5", {}});
    };
  });
  api::UpdateWorkloadRequest request;
  request.set_name("web");
  request.mutable_spec()->set_image("image:2");
  request.mutable_update_mask()->add_paths("image");
  request.set_expected_revision(5);
  api::Workload reply;
  CallContext context;
  CHECK(f.stub->UpdateWorkload(&context, request, &reply).error_code() == grpc::StatusCode::ABORTED);
  CHECK(f.script.commands.size() == 1);
  request.set_name("none");
  CallContext second;
  CHECK(f.stub->UpdateWorkload(&second, request, &reply).error_code() == grpc::StatusCode::NOT_FOUND);
}

TEST_CASE("gateway: a repeated update asks the owner for its first answer, though the workload is gone") {
  Fixture f;
  f.commit({});
  f.script.with([](Script& s) {
    s.on_command = [](const WorkloadCommand& command) -> caf::result<Carried<CommandReply>> {
      CHECK(command.context.idempotency_key == "k");
      CHECK(std::get<UpdateWorkload>(command.action).expected_revision != 0);
      return Carried<CommandReply>(CommandReply{workload("web", "aaaaaaaaaa", 1), 1});
    };
  });
  api::UpdateWorkloadRequest request;
  request.set_name("web");
  request.mutable_spec()->set_image("image:2");
  request.mutable_update_mask()->add_paths("image");
  request.set_idempotency_key("k");
  api::Workload reply;
  CallContext context;
  const auto status = f.stub->UpdateWorkload(&context, request, &reply);
  CAPTURE(status.error_message());
  CHECK(status.ok());
}

TEST_CASE("gateway: many writes at once all end, each with its own answer") {
  Fixture f;
  f.commit({});
  accept_everything(f);
  std::vector<std::future<std::string>> calls;
  for (int i = 0; i < 50; ++i)
    calls.push_back(std::async(std::launch::async, [&f, i] {
      CallContext context;
      api::Workload reply;
      const auto status = f.stub->CreateWorkload(&context, create("w" + std::to_string(i)), &reply);
      return status.ok() ? reply.name() : status.error_message();
    }));
  for (int i = 0; i < 50; ++i) CHECK(calls[static_cast<std::size_t>(i)].get() == "w" + std::to_string(i));
}
