// Typed settings of an executable, from its defaults, a YAML file, the environment and flags, in rising
// precedence. A program registers the members of its settings struct, calls load once, and reads the struct
// from then on. Every value is known with where it came from; whatever is wrong is reported at once, with the
// place and with what is allowed.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/domain/error.hpp"
#include "messages/domain/time.hpp"
#include "messages/domain/workload.hpp"
#include "services/settings/address.hpp"

namespace cloudless::settings {

/// What the program is.
struct About {
  std::string program;       ///< "cloudless-coordinator"
  std::string purpose;       ///< one line for --help
  std::string version;       ///< for --version
  std::string default_file;  ///< read if it exists and --config names none; may be empty
};

/// After load: go on, or print `text` to standard output and exit 0 (--help, --version, --print-config).
struct Outcome {
  bool exit = false;
  std::string text;
};

/// Inclusive.
template <class T>
struct Range {
  T min = std::numeric_limits<T>::min();
  T max = std::numeric_limits<T>::max();
};

/// A variable's value, or nothing.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
/// The process's own.
Environment process_environment();

class Settings {
 public:
  explicit Settings(About about);

  // A field has a dotted name: "store.path" is `store: {path: ...}` in YAML, CLOUDLESS_STORE_PATH in the
  // environment and
  // --store-path as a flag. The target's present value is the default. Targets must outlive this object.
  void text(std::string name, std::string& target, std::string help);
  void choice(std::string name, std::string& target, std::vector<std::string> allowed, std::string help);
  void yes_no(std::string name, bool& target, std::string help);
  /// Whole numbers of at most 63 bits.
  template <std::integral T>
  void number(std::string name, T& target, Range<T> range, std::string help) {
    add_number(
        std::move(name), {static_cast<std::int64_t>(range.min), static_cast<std::int64_t>(range.max)},
        std::move(help), [&target](std::int64_t v) { target = static_cast<T>(v); },
        [&target] { return static_cast<std::int64_t>(target); });
  }
  /// "250ms", "10s", "5m", "2h".
  void duration(std::string name, Millis& target, Range<Millis> range, std::string help);
  /// Bytes: "512", "64KiB", "16MiB", "2GiB", "1TiB".
  void size(std::string name, std::int64_t& target, Range<std::int64_t> range, std::string help);
  void address(std::string name, Address& target, std::string help);
  /// An address, or "off".
  void address(std::string name, std::optional<Address>& target, std::string help);
  /// A YAML sequence; elsewhere separated by commas.
  void list(std::string name, std::vector<std::string>& target, std::string help);
  /// A YAML mapping; elsewhere "key=value,key=value".
  void map(std::string name, Labels& target, std::string help);
  /// Any value of one line: `parse` stores it and returns "", or returns what is allowed; `show` writes it
  /// back.
  void custom(std::string name, std::function<std::string(const std::string&)> parse,
              std::function<std::string()> show, std::string help);

  /// INVALID_ARGUMENT names everything that is wrong, one line each: "coordinator.yaml:7: store.pth: unknown
  /// setting; ...".
  Result<Outcome> load(int argc, const char* const* argv, const Environment& environment);
  /// Every value as YAML that could be read back, each with where it came from.
  std::string print() const;
  /// "default", "coordinator.yaml:7", "environment CLOUDLESS_STORE_PATH" or "--store-path"; empty for an
  /// unknown name.
  std::string origin(std::string_view name) const;

 private:
  enum class Shape { scalar, flag, list, map };
  struct Field {
    std::string name;
    std::string help;
    Shape shape = Shape::scalar;
    /// Stores the items ("k=v" for a map, one for a scalar) and returns "", or returns what is allowed.
    std::function<std::string(const std::vector<std::string>&)> take;
    std::function<std::vector<std::string>()> show;
    std::string origin = "default";
  };
  struct Entry;  // a value from the file

  void add(Field field);
  void add_number(std::string name, Range<std::int64_t> range, std::string help,
                  std::function<void(std::int64_t)> set, std::function<std::int64_t()> get);
  Field* find(std::string_view name);
  std::string nearest(std::string_view name) const;
  void take_file(const std::string& path, bool must_exist);
  void take_entry(const std::string& path, const Entry& entry);
  void take_environment(const Environment& environment);
  void take_flags(const std::map<std::string, std::string>& flags);
  void take_line(Field& field, const std::string& origin, const std::string& line);
  void take_items(Field& field, const std::string& origin, const std::vector<std::string>& items);
  void complain(const std::string& place, const std::string& what);

  About about_;
  std::vector<Field> fields_;
  Error problems_{Errc::none, {}, {}};
};

}  // namespace cloudless::settings
