#include <algorithm>
#include <array>
#include <utility>

#include "core/base/error.h"
#include "text/tokenizer/components_internal.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

constexpr std::string_view kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

absl::Status split(Pieces& pieces, const Pattern& pattern, SplitBehavior behavior, bool invert) {
  absl::Status status;
  pieces.split([&](std::string_view text, auto emit) {
    Splitter splitter(text.size(), behavior, invert, emit);
    status = pattern.each(text, [&](size_t begin, size_t end) { splitter.match(begin, end); });
    splitter.finish();
    return status.ok();
  });
  return status;
}

// Each character for which f(c) is true is a match.
template <class F>
void split_chars(Pieces& pieces, SplitBehavior behavior, F f) {
  pieces.split([&](std::string_view text, auto emit) {
    Splitter splitter(text.size(), behavior, false, emit);
    const char* p = text.data();
    while (p < text.data() + text.size()) {
      const auto begin = static_cast<size_t>(p - text.data());
      if (f(next_char(p))) splitter.match(begin, static_cast<size_t>(p - text.data()));
    }
    splitter.finish();
    return true;
  });
}

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, std::optional<Pattern> pattern)
      : add_prefix_space_(add_prefix_space), pattern_(std::move(pattern)) {}
  absl::Status pre_tokenize(Pieces& pieces) const override {
    if (add_prefix_space_) pieces.prepend(" ", [](const Piece&, std::string_view text) { return text[0] != ' '; });
    if (pattern_) {
      if (absl::Status status = split(pieces, *pattern_, SplitBehavior::kIsolated, false); !status.ok()) return status;
    }
    if (!keep_bytes_) pieces.to_byte_chars();
    return absl::OkStatus();
  }
  bool ends_in_bytes() const override { return true; }
  void keep_bytes() override { keep_bytes_ = true; }

 private:
  bool add_prefix_space_;
  std::optional<Pattern> pattern_;
  bool keep_bytes_ = false;
};

enum class PrependScheme : uint8_t { kFirst, kNever, kAlways };

class Metaspace : public PreTokenizer {
 public:
  Metaspace(char32_t replacement, PrependScheme scheme, bool split) : scheme_(scheme), split_(split) {
    append_utf8(replacement_, replacement);
  }
  absl::Status pre_tokenize(Pieces& pieces) const override {
    pieces.replace_all(replacement_, [](std::string_view text, auto replace) {
      for (size_t at = text.find(' '); at != std::string_view::npos; at = text.find(' ', at + 1)) replace(at, at + 1);
      return true;
    });
    if (scheme_ != PrependScheme::kNever) {
      pieces.prepend(replacement_, [this](const Piece& piece, std::string_view text) {
        return !text.starts_with(replacement_) && (scheme_ == PrependScheme::kAlways || piece.source_begin == 0);
      });
    }
    if (!split_) return absl::OkStatus();
    return text::split(pieces, Pattern::literal(replacement_), SplitBehavior::kMergedWithNext, false);
  }

 private:
  std::string replacement_;
  PrependScheme scheme_;
  bool split_;
};

// Runs of word characters, and runs of what is neither that nor white space.
class Whitespace : public PreTokenizer {
 public:
  absl::Status pre_tokenize(Pieces& pieces) const override {
    pieces.split([](std::string_view text, auto emit) {
      const auto kind = [](char32_t c) { return is_white_space(c) ? 0 : is_word(c) ? 1 : 2; };
      size_t begin = 0;
      int last = 0;
      const char* p = text.data();
      while (p < text.data() + text.size()) {
        const auto at = static_cast<size_t>(p - text.data());
        const int k = kind(next_char(p));
        if (k == last) continue;
        if (last != 0) emit(begin, at);
        begin = at;
        last = k;
      }
      if (last != 0) emit(begin, text.size());
      return true;
    });
    return absl::OkStatus();
  }
};

class WhitespaceSplit : public PreTokenizer {
 public:
  absl::Status pre_tokenize(Pieces& pieces) const override {
    split_chars(pieces, SplitBehavior::kRemoved, is_white_space);
    return absl::OkStatus();
  }
};

class BertPreTokenizer : public PreTokenizer {
 public:
  absl::Status pre_tokenize(Pieces& pieces) const override {
    pieces.split([](std::string_view text, auto emit) {
      size_t begin = 0;
      const char* p = text.data();
      while (p < text.data() + text.size()) {
        const auto at = static_cast<size_t>(p - text.data());
        const char32_t c = next_char(p);
        const bool space = is_white_space(c);
        if (!space && !is_bert_punctuation(c)) continue;
        const auto end = static_cast<size_t>(p - text.data());
        emit(begin, at);
        if (!space) emit(at, end);
        begin = end;
      }
      emit(begin, text.size());
      return true;
    });
    return absl::OkStatus();
  }
};

class SplitPattern : public PreTokenizer {
 public:
  SplitPattern(Pattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  absl::Status pre_tokenize(Pieces& pieces) const override { return split(pieces, pattern_, behavior_, invert_); }

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

class Punctuation : public PreTokenizer {
 public:
  explicit Punctuation(SplitBehavior behavior) : behavior_(behavior) {}
  absl::Status pre_tokenize(Pieces& pieces) const override {
    split_chars(pieces, behavior_, is_bert_punctuation);
    return absl::OkStatus();
  }

 private:
  SplitBehavior behavior_;
};

class Digits : public PreTokenizer {
 public:
  explicit Digits(bool individual) : individual_(individual) {}
  absl::Status pre_tokenize(Pieces& pieces) const override {
    split_chars(pieces, individual_ ? SplitBehavior::kIsolated : SplitBehavior::kContiguous, is_number);
    return absl::OkStatus();
  }

 private:
  bool individual_;
};

class CharDelimiterSplit : public PreTokenizer {
 public:
  explicit CharDelimiterSplit(char32_t delimiter) : delimiter_(delimiter) {}
  absl::Status pre_tokenize(Pieces& pieces) const override {
    split_chars(pieces, SplitBehavior::kRemoved, [this](char32_t c) { return c == delimiter_; });
    return absl::OkStatus();
  }

 private:
  char32_t delimiter_;
};

class FixedLength : public PreTokenizer {
 public:
  explicit FixedLength(uint64_t length) : length_(length) {}
  absl::Status pre_tokenize(Pieces& pieces) const override {
    pieces.split([this](std::string_view text, auto emit) {
      size_t begin = 0;
      uint64_t n = 0;
      for (size_t at = 0; at < text.size();) {
        at += static_cast<size_t>(utf8_length(static_cast<unsigned char>(text[at])));
        if (++n < length_ && at < text.size()) continue;
        emit(begin, at);
        begin = at;
        n = 0;
      }
      return true;
    });
    return absl::OkStatus();
  }

 private:
  uint64_t length_;
};

// As SentencePiece's trainer: kana count as Han; spaces and unassigned characters belong to what is before them.
class UnicodeScripts : public PreTokenizer {
 public:
  absl::Status pre_tokenize(Pieces& pieces) const override {
    const EastAsianScripts east = east_asian_scripts();
    constexpr int kAny = -1, kStart = -2;
    const auto script_of = [&](char32_t c) {
      if (c == ' ') return kAny;
      if (c == 0x30FC) return east.han;
      const int s = script(c);
      return s == east.hiragana || s == east.katakana ? east.han : s;
    };
    pieces.split([&](std::string_view text, auto emit) {
      // What comes before the first character that has a script is dropped, as in `tokenizers`.
      size_t begin = std::string_view::npos;
      int last = kStart;
      const char* p = text.data();
      while (p < text.data() + text.size()) {
        const auto at = static_cast<size_t>(p - text.data());
        const int s = script_of(next_char(p));
        if (s == kAny) continue;
        if (s != last) {
          if (begin != std::string_view::npos) emit(begin, at);
          begin = at;
        }
        last = s;
      }
      if (begin != std::string_view::npos) emit(begin, text.size());
      return true;
    });
    return absl::OkStatus();
  }
};

class Sequence : public PreTokenizer {
 public:
  explicit Sequence(std::vector<std::shared_ptr<PreTokenizer>> all) : all_(std::move(all)) {}
  absl::Status pre_tokenize(Pieces& pieces) const override {
    for (const auto& one : all_) {
      if (absl::Status status = one->pre_tokenize(pieces); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  bool ends_in_bytes() const override { return !all_.empty() && all_.back()->ends_in_bytes(); }
  void keep_bytes() override { all_.back()->keep_bytes(); }

 private:
  std::vector<std::shared_ptr<PreTokenizer>> all_;
};

SplitBehavior behavior_of(Fields& f, std::string_view key) {
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kAll = {{
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous},
  }};
  const std::string name = f.string(key);
  for (const auto& [known, behavior] : kAll) {
    if (name == known) return behavior;
  }
  f.fail(key, concat("\"", name, "\" is not known"));
  return SplitBehavior::kRemoved;
}

PrependScheme scheme_of(Fields& f) {
  PrependScheme scheme = PrependScheme::kAlways;
  if (f.has("prepend_scheme")) {
    const std::string name = f.string("prepend_scheme");
    if (name == "first") {
      scheme = PrependScheme::kFirst;
    } else if (name == "never") {
      scheme = PrependScheme::kNever;
    } else if (name != "always") {
      f.fail("prepend_scheme", concat("\"", name, "\" is not known"));
    }
    if (!f.boolean("add_prefix_space", true) && scheme != PrependScheme::kNever) {
      f.fail("add_prefix_space", "it is false, but prepend_scheme is not \"never\"");
    }
    return scheme;
  }
  return f.boolean("add_prefix_space", true) ? scheme : PrependScheme::kNever;
}

}  // namespace

absl::StatusOr<std::shared_ptr<PreTokenizer>> make_pre_tokenizer(const Json& json, const std::string& place) {
  using Result = std::shared_ptr<PreTokenizer>;
  Fields f(json, place);
  const std::string type = f.string("type");
  if (!f.ok()) return f.status();
  Result made;
  if (type == "ByteLevel") {
    std::optional<Pattern> pattern;
    f.boolean("trim_offsets", true);
    if (f.boolean("use_regex", true)) {
      static const absl::StatusOr<Regex> gpt2 = Regex::compile(kGpt2);
      if (!gpt2.ok()) return gpt2.status();
      pattern = Pattern::regex(*gpt2);
    }
    made = std::make_shared<ByteLevel>(f.boolean("add_prefix_space"), std::move(pattern));
  }
  if (type == "Metaspace") {
    const PrependScheme scheme = scheme_of(f);
    const bool split = f.boolean("split", true);
    made = std::make_shared<Metaspace>(f.character("replacement"), scheme, split);
  }
  if (type == "Whitespace") made = std::make_shared<Whitespace>();
  if (type == "WhitespaceSplit") made = std::make_shared<WhitespaceSplit>();
  if (type == "BertPreTokenizer") made = std::make_shared<BertPreTokenizer>();
  if (type == "UnicodeScripts") made = std::make_shared<UnicodeScripts>();
  if (type == "Digits") made = std::make_shared<Digits>(f.boolean("individual_digits", false));
  if (type == "CharDelimiterSplit") made = std::make_shared<CharDelimiterSplit>(f.character("delimiter"));
  if (type == "Punctuation") {
    made = std::make_shared<Punctuation>(f.has("behavior") ? behavior_of(f, "behavior") : SplitBehavior::kIsolated);
  }
  if (type == "FixedLength") {
    const uint64_t length = f.has("length") ? f.integer("length") : 5;
    if (length == 0) f.fail("length", "it is 0");
    made = std::make_shared<FixedLength>(length);
  }
  if (type == "Split") {
    const SplitBehavior behavior = behavior_of(f, "behavior");
    const bool invert = f.boolean("invert");
    absl::StatusOr<Pattern> pattern = make_pattern(f);
    if (!pattern.ok()) return pattern.status();
    made = std::make_shared<SplitPattern>(std::move(*pattern), behavior, invert);
  }
  if (type == "Sequence") {
    auto all = make_all(f, "pretokenizers", make_pre_tokenizer);
    if (!all.ok()) return all.status();
    made = std::make_shared<Sequence>(std::move(*all));
  }
  if (!f.ok()) return f.status();
  if (!made) return unknown_type(f, type);
  return made;
}

}  // namespace hearth::text
