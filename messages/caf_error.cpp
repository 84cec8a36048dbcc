#include "messages/caf_error.hpp"

namespace cloudless {
namespace {

const caf::atom_value kCategory = caf::atom("cloudless");

}  // namespace

caf::error to_caf(const Error& error) {
  std::vector<std::string> violations;
  violations.reserve(error.violations.size() * 2);
  for (const auto& v : error.violations) {
    violations.push_back(v.path);
    violations.push_back(v.reason);
  }
  return caf::error{static_cast<std::uint8_t>(error.code), kCategory,
                    caf::make_message(error.message, std::move(violations))};
}

Error from_caf(const caf::error& error) {
  if (error.category() == kCategory) {
    Error out{static_cast<Errc>(error.code()), {}, {}};
    const auto& context = error.context();
    if (context.match_elements<std::string, std::vector<std::string>>()) {
      out.message = context.get_as<std::string>(0);
      const auto& flat = context.get_as<std::vector<std::string>>(1);
      for (std::size_t i = 0; i + 1 < flat.size(); i += 2) out.violations.push_back({flat[i], flat[i + 1]});
    }
    return out;
  }
  if (error == caf::sec::request_timeout)
    return {Errc::deadline_exceeded, "no answer in time; whether it was carried out is not known", {}};
  if (error.category() == caf::atom("system") || error.category() == caf::atom("exit"))
    return {Errc::unavailable, "the part of the control plane that answers this is away; try again", {}};
  return {Errc::internal, caf::to_string(error), {}};
}

}  // namespace cloudless
