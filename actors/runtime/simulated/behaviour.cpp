#include "actors/runtime/simulated/behaviour.hpp"

#include <charconv>
#include <string_view>

namespace cloudless::runtime {
namespace {

std::int64_t number_after(std::string_view word, std::string_view name) {
  std::int64_t value = 0;
  std::from_chars(word.data() + name.size(), word.data() + word.size(), value);
  return value;
}

void take_word(std::string_view word, Behaviour& out) {
  if (word.starts_with("exit=")) out.exit_code = static_cast<std::int32_t>(number_after(word, "exit="));
  if (word.starts_with("after=")) out.exit_after = number_after(word, "after=");
  if (word.starts_with("slow-start=")) out.start_takes = number_after(word, "slow-start=");
  if (word.starts_with("term=")) out.term_takes = number_after(word, "term=");
  if (word.starts_with("memory=")) out.memory_in_use = number_after(word, "memory=");
  if (word.starts_with("ready-after=")) out.ready_after = number_after(word, "ready-after=");
  if (word.starts_with("flap=")) out.flap = number_after(word, "flap=");
  if (word.starts_with("sick-after=")) out.sick_after = number_after(word, "sick-after=");
  if (word == "silent") out.silent = true;
  if (word == "broken") out.broken = true;
  if (word == "ignore-term") out.ignores_term = true;
}

}  // namespace

Behaviour::Image behaviour_of_image(const std::string& image) {
  const auto slash = image.rfind('/');
  const std::string_view name = std::string_view{image}.substr(slash == std::string::npos ? 0 : slash + 1);
  if (name.starts_with("missing")) return Behaviour::Image::missing;
  if (name.starts_with("unreachable")) return Behaviour::Image::unreachable;
  return Behaviour::Image::present;
}

Behaviour behaviour_of(const Template& pod) {
  Behaviour out;
  out.image = behaviour_of_image(pod.image);
  for (const auto& word : pod.command) take_word(word, out);
  for (const auto& word : pod.args) take_word(word, out);
  return out;
}

}  // namespace cloudless::runtime
