#include <algorithm>
#include <map>
#include <utility>

#include "core/base/error.h"
#include "text/tokenizer/components_internal.h"
#include "text/unicode/unicode.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

// Takes white space at either side of a token out of its offsets.
void trim_offsets(Encoding& e, bool add_prefix_space) {
  const auto is_space = [](char32_t c) { return c == byte_to_char(' ') || is_white_space(c); };
  for (size_t i = 0; i < e.size(); ++i) {
    const std::string& token = e.tokens[i];
    uint32_t leading = 0, trailing = 0;
    bool all = true;
    const char* p = token.data();
    while (p < token.data() + token.size()) {
      if (is_space(next_char(p))) {
        leading += all;
        ++trailing;
      } else {
        all = false;
        trailing = 0;
      }
    }
    if (leading == 0 && trailing == 0) continue;
    for (Offset* o : {&e.byte_offsets[i], &e.char_offsets[i]}) {
      if (leading > 0) {
        // A single space at the beginning is the one that was added.
        const bool added = (i == 0 || o->begin == 0) && add_prefix_space && leading == 1;
        if (!added) o->begin = std::min(o->begin + leading, o->end);
      }
      if (trailing > 0 && o->end >= trailing) o->end = std::max(o->end - trailing, o->begin);
    }
  }
}

void trim_all(std::vector<Encoding>& encodings, bool add_prefix_space) {
  for (Encoding& e : encodings) {
    trim_offsets(e, add_prefix_space);
    for (Encoding& o : e.overflowing) trim_offsets(o, add_prefix_space);
  }
}

// The tokens of the encoding and of what overflowed.
size_t all_tokens(const Encoding& e) {
  size_t n = e.size();
  for (const Encoding& o : e.overflowing) n += o.size();
  return n;
}

Encoding special_tokens(const std::vector<std::pair<std::string, int32_t>>& tokens, int32_t type_id) {
  Encoding e;
  for (const auto& [token, id] : tokens) {
    e.ids.push_back(id);
    e.tokens.push_back(token);
  }
  const size_t n = tokens.size();
  e.type_ids.assign(n, type_id);
  e.byte_offsets.assign(n, {0, 0});
  e.char_offsets.assign(n, {0, 0});
  e.word_ids.assign(n, -1);
  e.special_tokens_mask.assign(n, 1);
  e.attention_mask.assign(n, 1);
  return e;
}

class ByteLevel : public PostProcessor {
 public:
  ByteLevel(bool trim, bool add_prefix_space) : trim_(trim), add_prefix_space_(add_prefix_space) {}
  size_t added_tokens(bool /*pair*/) const override { return 0; }
  absl::Status process(std::vector<Encoding>& encodings, bool /*add_special_tokens*/) const override {
    if (trim_) trim_all(encodings, add_prefix_space_);
    return absl::OkStatus();
  }

 private:
  bool trim_, add_prefix_space_;
};

using SpecialToken = std::pair<std::string, int32_t>;

// BERT: [CLS] A [SEP] B [SEP]. RoBERTa: <s> A </s> </s> B </s>, every type 0.
class Classic : public PostProcessor {
 public:
  Classic(SpecialToken sep, SpecialToken cls, bool roberta, bool trim, bool add_prefix_space)
      : sep_(std::move(sep)),
        cls_(std::move(cls)),
        roberta_(roberta),
        trim_(trim),
        add_prefix_space_(add_prefix_space) {}
  size_t added_tokens(bool pair) const override { return pair ? (roberta_ ? 4 : 3) : 2; }
  bool adds() const override { return true; }
  absl::Status process(std::vector<Encoding>& encodings, bool add_special_tokens) const override {
    if (trim_) trim_all(encodings, add_prefix_space_);
    if (roberta_) {
      for (Encoding& e : encodings) std::fill(e.type_ids.begin(), e.type_ids.end(), 0);
    }
    if (!add_special_tokens) return absl::OkStatus();
    for (size_t i = 0; i < encodings.size(); ++i) {
      Encoding whole = wrap(encodings[i], i);
      for (const Encoding& o : encodings[i].overflowing) whole.overflowing.push_back(wrap(o, i));
      encodings[i] = std::move(whole);
    }
    return absl::OkStatus();
  }

 private:
  Encoding wrap(const Encoding& e, size_t i) const {
    const int32_t type = i > 0 && !roberta_ ? 1 : 0;
    Encoding out;
    if (i == 0 || roberta_) out = special_tokens({i == 0 ? cls_ : sep_}, type);
    Encoding inner = e;
    inner.overflowing.clear();
    std::fill(inner.type_ids.begin(), inner.type_ids.end(), type);
    inner.sequences.assign(i + 1, {0, 0});
    inner.sequences[i] = {0, e.size()};
    out.append(inner);
    out.append(special_tokens({sep_}, type));
    return out;
  }
  SpecialToken sep_, cls_;
  bool roberta_, trim_, add_prefix_space_;
};

class Template : public PostProcessor {
 public:
  struct Part {
    int sequence = -1;  // 0: A, 1: B; otherwise special tokens
    std::vector<SpecialToken> tokens;
    int32_t type_id = 0;
  };
  Template(std::vector<Part> single, std::vector<Part> pair) : single_(std::move(single)), pair_(std::move(pair)) {}
  size_t added_tokens(bool pair) const override {
    size_t n = 0;
    for (const Part& part : pair ? pair_ : single_) n += part.tokens.size();
    return n;
  }
  bool adds() const override { return true; }
  absl::Status process(std::vector<Encoding>& encodings, bool add_special_tokens) const override {
    const std::vector<Part>& parts = encodings.size() > 1 ? pair_ : single_;
    size_t total = 0;
    for (const Part& part : parts) {
      if (part.sequence >= 0) total += all_tokens(encodings[static_cast<size_t>(part.sequence)]);
    }
    size_t before = 0;
    for (const Encoding& e : encodings) before += all_tokens(e);
    if (total > kMostTokens && total > 2 * before) return too_many_tokens(total);
    std::vector<Encoding> out;
    for (const Part& part : parts) {
      if (part.sequence < 0) {
        if (add_special_tokens) out.push_back(special_tokens(part.tokens, part.type_id));
        continue;
      }
      const auto i = static_cast<size_t>(part.sequence);
      Encoding e = encodings[i];
      std::fill(e.type_ids.begin(), e.type_ids.end(), part.type_id);
      out.push_back(std::move(e));
    }
    encodings = std::move(out);
    return absl::OkStatus();
  }

 private:
  std::vector<Part> single_, pair_;
};

class Sequence : public PostProcessor {
 public:
  explicit Sequence(std::vector<std::shared_ptr<const PostProcessor>> all) : all_(std::move(all)) {}
  size_t added_tokens(bool pair) const override {
    size_t n = 0;
    for (const auto& one : all_) n += one->added_tokens(pair);
    return n;
  }
  bool adds() const override {
    return std::any_of(all_.begin(), all_.end(), [](const auto& one) { return one->adds(); });
  }
  absl::Status process(std::vector<Encoding>& encodings, bool add_special_tokens) const override {
    for (const auto& one : all_) {
      if (absl::Status status = one->process(encodings, add_special_tokens); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  std::vector<std::shared_ptr<const PostProcessor>> all_;
};

SpecialToken special_token(Fields& f, std::string_view key) {
  const Json& list = f.array(key);
  if (!f.ok()) return {};
  if (list.size() != 2 || !list[0].is_string() || !list[1].is_number_unsigned() ||
      list[1].get<uint64_t>() > 0x7FFFFFFF) {
    f.fail(key, "a token and its id are wanted: [\"[SEP]\", 102]");
    return {};
  }
  return {list[0].get<std::string>(), list[1].get<int32_t>()};
}

using Specials = std::map<std::string, std::vector<SpecialToken>, std::less<>>;

Specials special_map(Fields& f) {
  Specials out;
  for (const auto& [name, value] : f.object("special_tokens").items()) {
    Fields token(value, concat(f.place(), ".special_tokens.", name));
    const Json& ids = token.array("ids");
    const Json& tokens = token.array("tokens");
    if (ids.size() != tokens.size()) token.fail("ids", "there are as many as tokens in a file that is right");
    std::vector<SpecialToken> list;
    for (size_t i = 0; token.ok() && i < ids.size(); ++i) {
      if (!ids[i].is_number_unsigned() || ids[i].get<uint64_t>() > 0x7FFFFFFF || !tokens[i].is_string()) {
        token.fail("ids", "ids and tokens are numbers and strings");
        break;
      }
      list.emplace_back(tokens[i].get<std::string>(), ids[i].get<int32_t>());
    }
    if (!token.ok()) f.fail("special_tokens", message_of(token.status()));
    out[name] = std::move(list);
  }
  return out;
}

std::vector<Template::Part> parts_of(Fields& f, std::string_view key, const Specials& specials, bool pair) {
  constexpr size_t kMostParts = 1000, kMostSpecial = 65536;
  size_t special = 0;
  std::vector<Template::Part> parts;
  bool seen[2] = {false, false};
  const Json& list = f.array(key);
  if (list.size() > kMostParts) f.fail(key, concat(list.size(), " parts are more than ", kMostParts));
  for (size_t i = 0; f.ok() && i < list.size(); ++i) {
    Fields one(list[i], concat(f.place(), ".", key, "[", i, "]"));
    const bool sequence = one.has("Sequence");
    Fields inner(one.at(sequence ? "Sequence" : "SpecialToken"), one.place());
    const std::string id = inner.string("id");
    Template::Part part;
    part.type_id = static_cast<int32_t>(inner.integer("type_id"));
    if (sequence) {
      part.sequence = id == "B" ? 1 : 0;
      if (id != "A" && id != "B") inner.fail("id", "a sequence is A or B");
      if (id == "B" && !pair) inner.fail("id", "there is no sequence B in a template of one text");
      seen[part.sequence] = true;
    } else if (const auto it = specials.find(id); it != specials.end()) {
      special += it->second.size();
      if (special > kMostSpecial) {
        f.fail(key, concat("it adds more than ", kMostSpecial, " special tokens"));
        break;
      }
      part.tokens = it->second;
    } else if (inner.ok()) {
      inner.fail("id", concat("\"", id, "\" is not among special_tokens"));
    }
    const absl::Status& status = one.ok() ? inner.status() : one.status();
    if (!status.ok()) f.fail(key, message_of(status));
    parts.push_back(std::move(part));
  }
  if (pair && f.ok() && !(seen[0] && seen[1])) f.fail(key, "a template of a pair needs the sequences A and B");
  return parts;
}

}  // namespace

absl::Status too_many_tokens(size_t tokens) {
  return absl::ResourceExhaustedError(
      concat("encode: with what truncation cuts off there would be ", tokens, " tokens, more than the limit of ",
             kMostTokens, "; a smaller stride makes fewer, EncodeOptions::overflowing = false none"));
}

absl::StatusOr<std::shared_ptr<const PostProcessor>> make_post_processor(const Json& json, const std::string& place) {
  using Result = std::shared_ptr<const PostProcessor>;
  Fields f(json, place);
  const std::string type = f.string("type");
  if (!f.ok()) return f.status();
  Result made;
  if (type == "ByteLevel") {
    const bool trim = f.boolean("trim_offsets");
    made = std::make_shared<ByteLevel>(trim, f.boolean("add_prefix_space"));
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    const bool roberta = type == "RobertaProcessing";
    const bool trim = roberta && f.boolean("trim_offsets");
    const bool add_prefix_space = roberta && f.boolean("add_prefix_space");
    SpecialToken sep = special_token(f, "sep");
    made = std::make_shared<Classic>(std::move(sep), special_token(f, "cls"), roberta, trim, add_prefix_space);
  }
  if (type == "TemplateProcessing") {
    const Specials specials = special_map(f);
    std::vector<Template::Part> single = parts_of(f, "single", specials, false);
    made = std::make_shared<Template>(std::move(single), parts_of(f, "pair", specials, true));
  }
  if (type == "Sequence") {
    auto all = make_all(f, "processors", make_post_processor);
    if (!all.ok()) return all.status();
    for (size_t i = 1; i < all->size(); ++i) {
      if ((*all)[i - 1]->adds() && (*all)[i]->adds()) f.fail("processors", "two of them add special tokens");
    }
    made = std::make_shared<Sequence>(std::move(*all));
  }
  if (!f.ok()) return f.status();
  if (!made) return unknown_type(f, type);
  return made;
}

}  // namespace hearth::text
