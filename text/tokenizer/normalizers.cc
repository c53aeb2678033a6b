#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "core/base/error.h"
#include "core/io/with_path.h"
#include "text/tokenizer/components_internal.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

// Changes for keeping the characters for which keep(c) is true.
template <class Keep>
bool filter(std::string_view text, std::vector<CharChange>& changes, size_t& removed, Keep keep) {
  bool any = false;
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    const char32_t c = next_char(p);
    if (keep(c)) {
      changes.push_back({c, 0});
    } else {
      any = true;
      changes.empty() ? void(++removed) : void(--changes.back().change);
    }
  }
  return any;
}

// Changes for replacing characters one by one: f(c, add) calls add(c) for each new one.
template <class F>
void map(std::string_view text, std::vector<CharChange>& changes, F f) {
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    int32_t n = 0;
    f(next_char(p), [&](char32_t c) { changes.push_back({c, n++ > 0 ? 1 : 0}); });
  }
}

void lower_ascii(Pieces& pieces) {
  pieces.map_bytes([](char* p, char* end) {
    for (; p < end; ++p) *p = *p >= 'A' && *p <= 'Z' ? static_cast<char>(*p + 32) : *p;
  });
}

void lower(Pieces& pieces) {
  if (pieces.ascii()) return lower_ascii(pieces);
  pieces.transform([](const Piece&, std::string_view text, std::vector<CharChange>& changes, size_t&) {
    map(text, changes, [](char32_t c, auto add) {
      char32_t out[3];
      const int n = to_lower(c, out);
      for (int i = 0; i < n; ++i) add(out[i]);
    });
    return true;
  });
}

void to_form(Pieces& pieces, NormalForm form) {
  pieces.transform([form](const Piece&, std::string_view text, std::vector<CharChange>& changes, size_t&) {
    if (is_normalized(text, form)) return false;
    normalize_changes(text, form, changes);
    return true;
  });
}

template <class Keep>
void keep_chars(Pieces& pieces, Keep keep) {
  pieces.transform([keep](const Piece&, std::string_view text, std::vector<CharChange>& changes, size_t& removed) {
    return filter(text, changes, removed, keep);
  });
}

class FormNormalizer : public Normalizer {
 public:
  explicit FormNormalizer(NormalForm form) : form_(form) {}
  absl::Status normalize(Pieces& pieces) const override {
    to_form(pieces, form_);
    return absl::OkStatus();
  }

 private:
  NormalForm form_;
};

class Bert : public Normalizer {
 public:
  Bert(bool clean, bool ideographs, bool accents, bool lowercase)
      : clean_(clean), ideographs_(ideographs), accents_(accents), lowercase_(lowercase) {}
  absl::Status normalize(Pieces& pieces) const override {
    if (clean_) {
      keep_chars(pieces, [](char32_t c) {
        if (c < 0x80) return (c >= 32 && c != 127) || c == '\t' || c == '\n' || c == '\r';
        return c != 0xFFFD && !is_control_or_format(c);
      });
      if (pieces.ascii()) {
        pieces.map_bytes([](char* p, char* end) {
          for (; p < end; ++p) *p = is_white_space(static_cast<unsigned char>(*p)) ? ' ' : *p;
        });
      } else {
        pieces.transform([](const Piece&, std::string_view text, std::vector<CharChange>& changes, size_t&) {
          map(text, changes, [](char32_t c, auto add) { add(is_white_space(c) ? U' ' : c); });
          return true;
        });
      }
    }
    if (pieces.ascii()) {
      if (lowercase_) lower_ascii(pieces);
      return absl::OkStatus();
    }
    if (ideographs_) {
      pieces.transform([](const Piece&, std::string_view text, std::vector<CharChange>& changes, size_t&) {
        map(text, changes, [](char32_t c, auto add) {
          if (!is_bert_ideograph(c)) return add(c);
          add(U' ');
          add(c);
          add(U' ');
        });
        return true;
      });
    }
    if (accents_) {
      to_form(pieces, NormalForm::kNfd);
      keep_chars(pieces, [](char32_t c) { return !is_nonspacing_mark(c); });
    }
    if (lowercase_) lower(pieces);
    return absl::OkStatus();
  }

 private:
  bool clean_, ideographs_, accents_, lowercase_;
};

class Lowercase : public Normalizer {
 public:
  absl::Status normalize(Pieces& pieces) const override {
    lower(pieces);
    return absl::OkStatus();
  }
};

class StripAccents : public Normalizer {
 public:
  absl::Status normalize(Pieces& pieces) const override {
    if (!pieces.ascii()) keep_chars(pieces, [](char32_t c) { return !is_mark(c); });
    return absl::OkStatus();
  }
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  absl::Status normalize(Pieces& pieces) const override {
    pieces.transform([this](const Piece&, std::string_view text, std::vector<CharChange>& changes, size_t& removed) {
      map(text, changes, [](char32_t c, auto add) { add(c); });
      size_t begin = 0, end = changes.size();
      while (left_ && begin < end && is_white_space(changes[begin].c)) ++begin;
      while (right_ && end > begin && is_white_space(changes[end - 1].c)) --end;
      if (begin == 0 && end == changes.size()) return false;
      if (end > begin) changes[end - 1].change = -static_cast<int32_t>(changes.size() - end);
      removed = begin;
      changes.erase(changes.begin() + static_cast<std::ptrdiff_t>(end), changes.end());
      changes.erase(changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(begin));
      return true;
    });
    return absl::OkStatus();
  }

 private:
  bool left_, right_;
};

class Replace : public Normalizer {
 public:
  Replace(Pattern pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}
  absl::Status normalize(Pieces& pieces) const override {
    absl::Status status;
    pieces.replace_all(content_, [&](std::string_view text, auto replace) {
      if (!text.empty()) status = pattern_.each(text, replace);
      return status.ok();
    });
    return status;
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string text) : text_(std::move(text)) {}
  absl::Status normalize(Pieces& pieces) const override {
    pieces.prepend(text_, [](const Piece&, std::string_view text) { return true; });
    return absl::OkStatus();
  }

 private:
  std::string text_;
};

class Nmt : public Normalizer {
 public:
  absl::Status normalize(Pieces& pieces) const override {
    keep_chars(pieces, [](char32_t c) {
      return !((c >= 1 && c <= 8) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F);
    });
    pieces.transform([](const Piece&, std::string_view text, std::vector<CharChange>& changes, size_t&) {
      bool any = false;
      map(text, changes, [&](char32_t c, auto add) {
        const bool space = c == 9 || c == 10 || c == 12 || c == 13 || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
                           c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
        any |= space;
        add(space ? U' ' : c);
      });
      return any;
    });
    return absl::OkStatus();
  }
};

class ByteLevel : public Normalizer {
 public:
  absl::Status normalize(Pieces& pieces) const override {
    pieces.to_byte_chars();
    return absl::OkStatus();
  }
};

// SentencePiece's precompiled map of characters: a double-array trie (darts-clone) and the replacements, each with a
// zero behind it.
class Precompiled : public Normalizer {
 public:
  static absl::StatusOr<std::shared_ptr<const Normalizer>> create(std::string_view blob) {
    uint32_t size = 0;
    if (blob.size() < 4) return absl::InvalidArgumentError("the map ends early");
    std::memcpy(&size, blob.data(), 4);
    if (size > blob.size() - 4 || size % 4 != 0) return absl::InvalidArgumentError("its trie is longer than the map");
    auto p = std::make_shared<Precompiled>();
    p->trie_.resize(size / 4);
    if (size > 0) std::memcpy(p->trie_.data(), blob.data() + 4, size);
    p->texts_ = blob.substr(4 + size);
    if (find_invalid_utf8(p->texts_) != std::string_view::npos)
      return absl::InvalidArgumentError("a replacement is not UTF-8");
    return p;
  }

  absl::Status normalize(Pieces& pieces) const override {
    std::vector<uint32_t> ends;
    pieces.transform([&](const Piece&, std::string_view text, std::vector<CharChange>& changes, size_t&) {
      bool any = false;
      ends.clear();
      grapheme_ends(text, ends);
      uint32_t begin = 0;
      for (const uint32_t end : ends) {
        // A map may make much of every character.
        if (changes.size() > pieces.limit()) break;
        const std::string_view grapheme = text.substr(begin, end - begin);
        begin = end;
        // So it is in `tokenizers`: short clusters are looked up whole, and what their beginning becomes stands for
        // all.
        if (grapheme.size() < 6 && replace(grapheme, changes)) {
          any = true;
          continue;
        }
        const char* p = grapheme.data();
        while (p < grapheme.data() + grapheme.size()) {
          const char* const from = p;
          const char32_t c = next_char(p);
          if (replace({from, static_cast<size_t>(p - from)}, changes)) {
            any = true;
          } else {
            changes.push_back({c, 0});
          }
        }
      }
      return any;
    });
    return absl::OkStatus();
  }

 private:
  bool replace(std::string_view part, std::vector<CharChange>& changes) const {
    const uint32_t at = find(part);
    if (at >= texts_.size()) return false;
    const size_t end = texts_.find('\0', at);
    const std::string_view to =
        std::string_view(texts_).substr(at, (end == std::string::npos ? texts_.size() : end) - at);
    // A map may point into the middle of a character.
    if (find_invalid_utf8(to) != std::string_view::npos) return false;
    const size_t before = changes.size();
    const char* p = to.data();
    while (p < to.data() + to.size()) changes.push_back({next_char(p), 0});
    // The last ones are those that are more; what is less goes with the character before.
    const size_t more = changes.size() - before, old = count_chars(part);
    for (size_t i = old; i < more; ++i) changes[before + i].change = 1;
    if (more < old && !changes.empty()) changes.back().change -= static_cast<int32_t>(old - more);
    return true;
  }

  // Where the replacement of the shortest known beginning is, or kNone.
  uint32_t find(std::string_view key) const {
    const auto offset = [](uint32_t unit) { return (unit >> 10) << ((unit & (1U << 9)) >> 6); };
    size_t node = 0;
    if (trie_.empty()) return kNone;
    node ^= offset(trie_[0]);
    for (const char c : key) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte == 0) break;
      node ^= byte;
      if (node >= trie_.size()) return kNone;
      const uint32_t unit = trie_[node];
      if ((unit & (1U << 31 | 0xFF)) != byte) return kNone;
      node ^= offset(unit);
      if (unit >> 8 & 1) return node < trie_.size() ? trie_[node] & 0x7FFFFFFF : kNone;
    }
    return kNone;
  }

  static constexpr uint32_t kNone = 0xFFFFFFFF;
  std::vector<uint32_t> trie_;
  std::string texts_;
};

class Sequence : public Normalizer {
 public:
  explicit Sequence(std::vector<std::shared_ptr<const Normalizer>> all) : all_(std::move(all)) {}
  absl::Status normalize(Pieces& pieces) const override {
    for (const auto& one : all_) {
      if (absl::Status status = one->normalize(pieces); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  std::vector<std::shared_ptr<const Normalizer>> all_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Normalizer>> make_normalizer(const Json& json, const std::string& place) {
  using Result = std::shared_ptr<const Normalizer>;
  Fields f(json, place);
  const std::string type = f.string("type");
  if (!f.ok()) return f.status();
  Result made;
  if (type == "NFC") made = std::make_shared<FormNormalizer>(NormalForm::kNfc);
  if (type == "NFD") made = std::make_shared<FormNormalizer>(NormalForm::kNfd);
  if (type == "NFKC") made = std::make_shared<FormNormalizer>(NormalForm::kNfkc);
  if (type == "NFKD") made = std::make_shared<FormNormalizer>(NormalForm::kNfkd);
  if (type == "Lowercase") made = std::make_shared<Lowercase>();
  if (type == "StripAccents") made = std::make_shared<StripAccents>();
  if (type == "Nmt") made = std::make_shared<Nmt>();
  if (type == "ByteLevel") made = std::make_shared<ByteLevel>();
  if (type == "BertNormalizer") {
    const bool lowercase = f.boolean("lowercase");
    made = std::make_shared<Bert>(f.boolean("clean_text"), f.boolean("handle_chinese_chars"),
                                  f.boolean("strip_accents", lowercase), lowercase);
  }
  if (type == "Strip") {
    const bool left = f.boolean("strip_left");
    made = std::make_shared<Strip>(left, f.boolean("strip_right"));
  }
  if (type == "Prepend") made = std::make_shared<Prepend>(f.string("prepend"));
  if (type == "Replace") {
    const std::string content = f.string("content");
    absl::StatusOr<Pattern> pattern = make_pattern(f);
    if (!pattern.ok()) return pattern.status();
    made = std::make_shared<Replace>(std::move(*pattern), content);
  }
  if (type == "Precompiled") {
    std::string blob;
    if (const std::string text = f.string("precompiled_charsmap"); !absl::Base64Unescape(text, &blob)) {
      f.fail("precompiled_charsmap", "it is not base64");
    }
    absl::StatusOr<Result> precompiled = Precompiled::create(blob);
    if (!precompiled.ok()) {
      f.fail("precompiled_charsmap", message_of(precompiled.status()));
    } else {
      made = std::move(*precompiled);
    }
  }
  if (type == "Sequence") {
    auto all = make_all(f, "normalizers", make_normalizer);
    if (!all.ok()) return all.status();
    made = std::make_shared<Sequence>(std::move(*all));
  }
  if (!f.ok()) return f.status();
  if (!made) return unknown_type(f, type);
  return made;
}

absl::Status unknown_type(const Fields& fields, const std::string& type) {
  return absl::UnimplementedError(concat(fields.place(), ": the type \"", type, "\" is not known"));
}

absl::StatusOr<Pattern> make_pattern(Fields& fields) {
  Fields p(fields.object("pattern"), fields.place() + ".pattern");
  if (!fields.ok()) return fields.status();
  if (p.has("String")) {
    std::string text = p.string("String");
    if (text.empty()) p.fail("String", "it is empty");
    if (!p.ok()) return p.status();
    return Pattern::literal(std::move(text));
  }
  const std::string text = p.string("Regex");
  if (!p.ok()) return p.status();
  absl::StatusOr<Regex> regex = Regex::compile(text);
  if (!regex.ok()) return io::with_path(p.place(), regex.status());
  return Pattern::regex(std::move(*regex));
}

}  // namespace hearth::text
