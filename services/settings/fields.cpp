// The kinds of fields that settings have: how each is read, what it allows, and how it is written back.
#include <algorithm>
#include <charconv>
#include <utility>

#include "services/settings/settings.hpp"

namespace cloudless::settings {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
constexpr Unit kDurations[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
constexpr Unit kSizes[] = {
    {"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1LL << 30}, {"TiB", 1LL << 40}};

/// Digits and one of the units, nothing else.
std::optional<std::int64_t> with_unit(std::string_view text, const auto& units) {
  std::int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  for (const auto& u : units) {
    std::int64_t product = 0;
    if (u.name == unit && !__builtin_mul_overflow(value, u.factor, &product)) return product;
  }
  return std::nullopt;
}

std::string in_unit(std::int64_t value, const auto& units) {
  const Unit* best = &units[0];
  for (const auto& u : units)
    if (value != 0 && value % u.factor == 0) best = &u;
  return std::to_string(value / best->factor) + std::string(best->name);
}

std::string in_range(const std::string& what, const std::string& min, const std::string& max) {
  return what + " from " + min + " to " + max;
}

}  // namespace

void Settings::custom(std::string name, std::function<std::string(const std::string&)> parse,
                      std::function<std::string()> show, std::string help) {
  add({std::move(name), std::move(help), Shape::scalar,
       [parse = std::move(parse)](const std::vector<std::string>& items) { return parse(items.at(0)); },
       [show = std::move(show)] { return std::vector<std::string>{show()}; }});
}

void Settings::text(std::string name, std::string& target, std::string help) {
  custom(
      std::move(name),
      [&target](const std::string& s) {
        target = s;
        return std::string{};
      },
      [&target] { return target; }, std::move(help));
}

void Settings::choice(std::string name, std::string& target, std::vector<std::string> allowed,
                      std::string help) {
  std::string all;
  for (const auto& a : allowed) all += (all.empty() ? "" : ", ") + a;
  help += " (" + all + ")";
  custom(
      std::move(name),
      [&target, all, allowed = std::move(allowed)](const std::string& s) -> std::string {
        if (std::find(allowed.begin(), allowed.end(), s) == allowed.end()) return "one of " + all;
        target = s;
        return {};
      },
      [&target] { return target; }, std::move(help));
}

void Settings::yes_no(std::string name, bool& target, std::string help) {
  custom(
      std::move(name),
      [&target](const std::string& s) -> std::string {
        if (s != "true" && s != "false") return "true or false";
        target = s == "true";
        return {};
      },
      [&target] { return std::string(target ? "true" : "false"); }, std::move(help));
  fields_.back().shape = Shape::flag;
}

void Settings::add_number(std::string name, Range<std::int64_t> range, std::string help,
                          std::function<void(std::int64_t)> set, std::function<std::int64_t()> get) {
  custom(
      std::move(name),
      [range, set = std::move(set)](const std::string& s) -> std::string {
        std::int64_t value = 0;
        const auto [rest, error] = std::from_chars(s.data(), s.data() + s.size(), value);
        if (error != std::errc{} || rest != s.data() + s.size() || value < range.min || value > range.max)
          return in_range("a whole number", std::to_string(range.min), std::to_string(range.max));
        set(value);
        return {};
      },
      [get = std::move(get)] { return std::to_string(get()); }, std::move(help));
}

void Settings::duration(std::string name, Millis& target, Range<Millis> range, std::string help) {
  custom(
      std::move(name),
      [&target, range](const std::string& s) -> std::string {
        const auto value = with_unit(s, kDurations);
        if (!value || *value < range.min || *value > range.max)
          return in_range("a duration (\"250ms\", \"10s\", \"5m\", \"2h\")", in_unit(range.min, kDurations),
                          in_unit(range.max, kDurations));
        target = *value;
        return {};
      },
      [&target] { return in_unit(target, kDurations); }, std::move(help));
}

void Settings::size(std::string name, std::int64_t& target, Range<std::int64_t> range, std::string help) {
  custom(
      std::move(name),
      [&target, range](const std::string& s) -> std::string {
        const auto value = with_unit(s, kSizes);
        if (!value || *value < range.min || *value > range.max)
          return in_range("a size (\"512\", \"64KiB\", \"16MiB\", \"2GiB\")", in_unit(range.min, kSizes),
                          in_unit(range.max, kSizes));
        target = *value;
        return {};
      },
      [&target] { return in_unit(target, kSizes); }, std::move(help));
}

void Settings::address(std::string name, Address& target, std::string help) {
  custom(
      std::move(name),
      [&target](const std::string& s) -> std::string {
        auto parsed = parse_address(s);
        if (!parsed) return kAddressForm;
        target = std::move(*parsed);
        return {};
      },
      [&target] { return to_string(target); }, std::move(help));
}

void Settings::address(std::string name, std::optional<Address>& target, std::string help) {
  custom(
      std::move(name),
      [&target](const std::string& s) -> std::string {
        if (s == "off") {
          target.reset();
          return {};
        }
        auto parsed = parse_address(s);
        if (!parsed) return kAddressForm + std::string(", or \"off\"");
        target = std::move(*parsed);
        return {};
      },
      [&target] { return target ? to_string(*target) : std::string("off"); }, std::move(help));
}

void Settings::list(std::string name, std::vector<std::string>& target, std::string help) {
  add({std::move(name), std::move(help), Shape::list,
       [&target](const std::vector<std::string>& items) {
         target = items;
         return std::string{};
       },
       [&target] { return target; }});
}

void Settings::map(std::string name, Labels& target, std::string help) {
  add({std::move(name), std::move(help), Shape::map,
       [&target](const std::vector<std::string>& items) -> std::string {
         Labels fresh;
         for (const auto& item : items) {
           const auto equals = item.find('=');
           if (equals == std::string::npos || equals == 0) return "a list of key=value";
           if (!fresh.emplace(item.substr(0, equals), item.substr(equals + 1)).second)
             return "allowed: " + item.substr(0, equals) + " is given twice";
         }
         target = std::move(fresh);
         return {};
       },
       [&target] {
         std::vector<std::string> items;
         for (const auto& [key, value] : target) items.push_back(key + "=" + value);
         return items;
       }});
}

}  // namespace cloudless::settings
