#include "gateway/status.hpp"

#include <doctest/doctest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

using namespace cloudless;
using namespace cloudless::gateway;

TEST_CASE("every error code has the gRPC code of the same name") {
  struct Case {
    Errc code;
    grpc::StatusCode expected;
  };
  for (const auto& c : {Case{Errc::none, grpc::StatusCode::OK},
                        Case{Errc::invalid_argument, grpc::StatusCode::INVALID_ARGUMENT},
                        Case{Errc::not_found, grpc::StatusCode::NOT_FOUND},
                        Case{Errc::already_exists, grpc::StatusCode::ALREADY_EXISTS},
                        Case{Errc::aborted, grpc::StatusCode::ABORTED},
                        Case{Errc::failed_precondition, grpc::StatusCode::FAILED_PRECONDITION},
                        Case{Errc::resource_exhausted, grpc::StatusCode::RESOURCE_EXHAUSTED},
                        Case{Errc::unavailable, grpc::StatusCode::UNAVAILABLE},
                        Case{Errc::unimplemented, grpc::StatusCode::UNIMPLEMENTED},
                        Case{Errc::out_of_range, grpc::StatusCode::OUT_OF_RANGE},
                        Case{Errc::deadline_exceeded, grpc::StatusCode::DEADLINE_EXCEEDED},
                        Case{Errc::internal, grpc::StatusCode::INTERNAL},
                        Case{Errc::permission_denied, grpc::StatusCode::PERMISSION_DENIED},
                        Case{Errc::cancelled, grpc::StatusCode::CANCELLED},
                        Case{Errc::data_loss, grpc::StatusCode::DATA_LOSS}}) {
    CAPTURE(to_string(c.code));
    CHECK(to_status({c.code, "why", {}}).error_code() == c.expected);
  }
}

TEST_CASE("violations are lines of the message and field violations of the details") {
  const auto status = to_status(
      {Errc::invalid_argument, "2 fields are wrong", {{"spec.image", "is empty"}, {"name", "is \"A\""}}});
  CHECK(status.error_message() == "2 fields are wrong\nspec.image: is empty\nname: is \"A\"");
  google::rpc::Status details;
  REQUIRE(details.ParseFromString(status.error_details()));
  CHECK(details.code() == grpc::StatusCode::INVALID_ARGUMENT);
  REQUIRE(details.details_size() == 1);
  google::rpc::BadRequest bad;
  REQUIRE(details.details(0).UnpackTo(&bad));
  REQUIRE(bad.field_violations_size() == 2);
  CHECK(bad.field_violations(0).field() == "spec.image");
  CHECK(bad.field_violations(1).description() == "is \"A\"");
}

TEST_CASE("a status stays within the trailers' limit, whatever the error says") {
  Error error{Errc::invalid_argument, std::string(100'000, 'm'), {}};
  for (int i = 0; i < 5000; ++i)
    error.violations.push_back({"spec.env[" + std::to_string(i) + "]", std::string(3000, '\x01')});
  const auto status = to_status(error);
  CHECK(status.error_message().size() + status.error_details().size() < 8000);
  CHECK(status.error_message().find("more") != std::string::npos);
}
