#include "services/cloudlessctl/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace cloudless::cli {
namespace {

constexpr std::size_t kMaxText = 2 << 20;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxDocuments = 100;
constexpr std::size_t kMaxValues = 100'000;
constexpr std::size_t kMaxExpandedBytes = 4 << 20;

/// Leaves yaml-cpp's callbacks; never leaves this file.
struct Refusal {
  Problem problem;
};

Position position_of(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

struct Weight {
  std::size_t values = 0;
  std::size_t bytes = 0;
};

Weight weight_of(const YamlValue& value) {
  Weight out{1, value.scalar.size()};
  for (const auto& item : value.items) {
    const auto inside = weight_of(item);
    out.values += inside.values;
    out.bytes += inside.bytes;
  }
  for (const auto& member : value.members) {
    const auto inside = weight_of(member.value);
    out.values += inside.values;
    out.bytes += inside.bytes + member.key.size();
  }
  return out;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  std::vector<YamlValue> take() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    anchors_.clear();
    if (documents_.size() == kMaxDocuments) refuse(mark, "has more than 100 documents");
    documents_.push_back({YamlValue::Kind::null, position_of(mark), {}, false, {}, {}});
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    finish(mark, {YamlValue::Kind::null, position_of(mark), {}, false, {}, {}}, anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const bool quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    finish(mark, {YamlValue::Kind::scalar, position_of(mark), text, quoted, {}, {}}, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark, "has an alias that refers to what it is part of");
    // Judged before it is copied: that is what a billion laughs would exploit.
    const auto weight = weight_of(found->second);
    count(mark, weight.values, weight.bytes);
    attach(mark, found->second);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, YamlValue::Kind::sequence, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, YamlValue::Kind::mapping, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlValue value;
    YAML::Mark mark;
    YAML::anchor_t anchor = YAML::NullAnchor;
    bool has_key = false;
    std::string key;
    Position key_at;
  };

  [[noreturn]] static void refuse(const YAML::Mark& mark, std::string reason) {
    throw Refusal{{position_of(mark), {}, std::move(reason)}};
  }

  void count(const YAML::Mark& mark, std::size_t values, std::size_t bytes) {
    values_ += values;
    bytes_ += bytes;
    if (values_ > kMaxValues)
      refuse(mark, "has more than 100000 values, aliases counted as often as they are used");
    if (bytes_ > kMaxExpandedBytes)
      refuse(mark, "is more than 4 MiB, aliases counted as often as they are used");
  }

  void open(const YAML::Mark& mark, YamlValue::Kind kind, YAML::anchor_t anchor) {
    if (open_.size() == kMaxDepth) refuse(mark, "is nested more than 64 levels deep");
    count(mark, 1, 0);
    open_.push_back({{kind, position_of(mark), {}, false, {}, {}}, mark, anchor, false, {}, {}});
  }

  void close() {
    auto done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != YAML::NullAnchor) anchors_[done.anchor] = done.value;
    attach(done.mark, std::move(done.value));
  }

  void finish(const YAML::Mark& mark, YamlValue value, YAML::anchor_t anchor) {
    count(mark, 1, value.scalar.size());
    if (anchor != YAML::NullAnchor) anchors_[anchor] = value;
    attach(mark, std::move(value));
  }

  void attach(const YAML::Mark& mark, YamlValue value) {
    if (open_.empty()) {
      documents_.back() = std::move(value);
      return;
    }
    auto& parent = open_.back();
    if (parent.value.kind == YamlValue::Kind::sequence) {
      parent.value.items.push_back(std::move(value));
    } else if (parent.has_key) {
      parent.value.members.push_back({std::move(parent.key), parent.key_at, std::move(value)});
      parent.has_key = false;
    } else {
      take_key(mark, parent, std::move(value));
    }
  }

  static void take_key(const YAML::Mark& mark, Open& parent, YamlValue value) {
    if (value.kind != YamlValue::Kind::scalar) refuse(mark, "has a key that is not a word");
    const auto& members = parent.value.members;
    const auto before = std::find_if(members.begin(), members.end(),
                                     [&](const YamlMember& m) { return m.key == value.scalar; });
    if (before != members.end())
      throw Refusal{{position_of(mark), value.scalar,
                     "is there twice, first in line " + std::to_string(before->at.line)}};
    parent.has_key = true;
    parent.key = std::move(value.scalar);
    parent.key_at = position_of(mark);
  }

  std::vector<YamlValue> documents_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlValue> anchors_;
  std::size_t values_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

std::string to_text(const std::string& file, const Problem& problem) {
  std::string out = file;
  if (problem.at.line > 0)
    out += ":" + std::to_string(problem.at.line) + ":" + std::to_string(problem.at.column);
  out += ": ";
  if (!problem.field.empty()) out += problem.field + ": ";
  return out + problem.reason;
}

tl::expected<std::vector<YamlValue>, Problem> read_yaml(std::string_view text) {
  if (text.size() > kMaxText) return tl::make_unexpected(Problem{{}, {}, "is larger than 2 MiB"});
  if (text.find('\0') != std::string_view::npos)
    return tl::make_unexpected(Problem{{}, {}, "contains a NUL character"});
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const Refusal& refusal) {
    return tl::make_unexpected(refusal.problem);
  } catch (const YAML::Exception& e) {
    return tl::make_unexpected(Problem{position_of(e.mark), {}, e.msg});
  } catch (const std::exception& e) {
    return tl::make_unexpected(Problem{{}, {}, e.what()});
  }
}

}  // namespace cloudless::cli
