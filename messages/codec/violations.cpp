#include "messages/codec/violations.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>

namespace cloudless::codec {
namespace {

constexpr std::size_t kMaxReported = 100;

std::vector<Violation> limited(const std::vector<Violation>& all) {
  if (all.size() <= kMaxReported) return all;
  std::vector<Violation> out(all.begin(), all.begin() + kMaxReported - 1);
  out.push_back({all[kMaxReported - 1].path,
                 "is wrong, and " + std::to_string(all.size() - kMaxReported) + " more fields are"});
  return out;
}

std::string count_of_fields(std::size_t n) {
  return n == 1 ? "1 field" : std::to_string(n) + " fields";
}

}  // namespace

void Violations::add(std::string path, std::string reason) {
  wrong_.push_back({std::move(path), std::move(reason)});
}

void Violations::add_unimplemented(std::string path) {
  unimplemented_.push_back({std::move(path), "is not carried out by this version; leave it out"});
}

void Violations::add_unimplemented(const google::protobuf::Message& message, const std::string& path) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  if (fields.empty()) add_unimplemented(path);
  for (const auto* field : fields) add_unimplemented(join(path, field->name()));
}

void Violations::check_range(std::string path, std::uint64_t number, std::uint64_t low, std::uint64_t high) {
  if (number >= low && number <= high) return;
  add(std::move(path),
      "is " + std::to_string(number) + ", expected " + std::to_string(low) + " to " + std::to_string(high));
}

void Violations::check_count(std::string path, std::size_t count, std::size_t most) {
  if (count > most)
    add(std::move(path), "has " + std::to_string(count) + " items, at most " + std::to_string(most));
}

void Violations::check_known(const google::protobuf::Message& message, const std::string& path) {
  using google::protobuf::FieldDescriptor;
  const auto* reflection = message.GetReflection();
  const auto& unknown = reflection->GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i)
    add(join(path, "#" + std::to_string(unknown.field(i).number())),
        "is a field number that this version's schema does not have");
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) continue;
    const auto inside = join(path, field->name());
    if (!field->is_repeated()) {
      check_known(reflection->GetMessage(message, field), inside);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i)
      check_known(reflection->GetRepeatedMessage(message, field, i),
                  item(inside, static_cast<std::size_t>(i)));
  }
}

std::optional<Error> Violations::error(std::string_view subject) const {
  if (!wrong_.empty()) {
    auto all = wrong_;
    all.insert(all.end(), unimplemented_.begin(), unimplemented_.end());
    return Error{Errc::invalid_argument, std::string(subject) + ": " + count_of_fields(all.size()) + " wrong",
                 limited(all)};
  }
  if (!unimplemented_.empty())
    return Error{Errc::unimplemented,
                 std::string(subject) + ": " + count_of_fields(unimplemented_.size()) +
                     " not carried out by this version",
                 limited(unimplemented_)};
  return std::nullopt;
}

std::string join(std::string_view path, std::string_view field) {
  return path.empty() ? std::string(field) : std::string(path) + "." + std::string(field);
}

std::string item(std::string_view path, std::size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

}  // namespace cloudless::codec
