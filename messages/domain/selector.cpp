#include "messages/domain/selector.hpp"

#include <algorithm>

#include "messages/domain/names.hpp"

namespace cloudless {
namespace {

constexpr std::size_t kMaxTerms = 64;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

SelectorTerm split(std::string_view text) {
  using Kind = SelectorTerm::Kind;
  if (text.starts_with('!')) return {Kind::absent, std::string(trimmed(text.substr(1))), {}};
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return {Kind::exists, std::string(text), {}};
  const bool differs = equals > 0 && text[equals - 1] == '!';
  const auto key = trimmed(text.substr(0, differs ? equals - 1 : equals));
  auto value = text.substr(equals + 1);
  if (!differs && value.starts_with('=')) value.remove_prefix(1);
  return {differs ? Kind::differs : Kind::equals, std::string(key), std::string(trimmed(value))};
}

tl::unexpected<Error> refuse(std::string reason) {
  return fail(
      {Errc::invalid_argument, "the label selector is wrong", {{"label_selector", std::move(reason)}}});
}

bool holds(const SelectorTerm& term, const Labels& labels) {
  const auto found = labels.find(term.key);
  const bool there = found != labels.end();
  switch (term.kind) {
    case SelectorTerm::Kind::equals:
      return there && found->second == term.value;
    case SelectorTerm::Kind::differs:
      return !there || found->second != term.value;
    case SelectorTerm::Kind::exists:
      return there;
    case SelectorTerm::Kind::absent:
      return !there;
  }
  return false;
}

}  // namespace

bool Selector::matches(const Labels& labels) const {
  return std::all_of(terms.begin(), terms.end(),
                     [&](const SelectorTerm& term) { return holds(term, labels); });
}

Result<Selector> parse_selector(std::string_view text) {
  Selector out;
  if (trimmed(text).empty()) return out;
  while (true) {
    const auto comma = text.find(',');
    const auto words = trimmed(text.substr(0, comma));
    if (out.terms.size() == kMaxTerms) return refuse("has more than 64 terms");
    auto term = split(words);
    if (!is_label_key(term.key) || !is_label_value(term.value))
      return refuse(
          "'" + std::string(words.substr(0, 80)) +
          "' is no term: expected key=value, key!=value, key or !key, with keys and values of at most 63 "
          "characters of [A-Za-z0-9._/-]");
    out.terms.push_back(std::move(term));
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace cloudless
