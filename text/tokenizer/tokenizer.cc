#include "text/tokenizer/tokenizer.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/mutex.h"
#include "core/base/parallel.h"
#include "text/tokenizer/tokenizer_impl_internal.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

constexpr size_t kMaxPadding = size_t{1} << 24;
constexpr size_t kMaxPaddingBytes = size_t{1} << 28;

// Positions in characters of positions in bytes, quickly for those near the last one.
class CharIndex {
 public:
  explicit CharIndex(std::string_view text) : text_(text), ascii_(is_ascii(text)) {}
  // The index of the character that the byte is in; the number of characters for the end.
  uint32_t operator()(uint32_t byte) {
    if (ascii_) return byte;
    for (; byte_ < byte; ++byte_) char_ += !is_continuation(text_[byte_]);
    for (; byte_ > byte; --byte_) char_ -= !is_continuation(text_[byte_ - 1]);
    // char_ characters begin before the byte; one inside of a character is in the last of them.
    return byte < text_.size() && is_continuation(text_[byte]) ? char_ - 1 : char_;
  }

 private:
  std::string_view text_;
  bool ascii_;
  uint32_t byte_ = 0, char_ = 0;
};

// Valid text of at most kMaxText bytes: `text` itself or, in `storage`, with what is malformed replaced.
absl::StatusOr<std::string_view> checked(std::string_view text, const EncodeOptions& options, std::string& storage) {
  if (text.size() > kMaxText) {
    return absl::InvalidArgumentError(
        concat("encode: ", text.size(), " bytes of text are more than the limit of ", kMaxText));
  }
  const size_t bad = find_invalid_utf8(text);
  if (bad == std::string_view::npos) return text;
  if (!options.replace_invalid_utf8) {
    return absl::InvalidArgumentError(concat("encode: the text is not valid UTF-8 at byte ", bad));
  }
  storage = replace_invalid_utf8(text);
  if (storage.size() > kMaxText) {
    return absl::InvalidArgumentError(
        "encode: the text with U+FFFD in place of malformed bytes is longer than the limit");
  }
  return std::string_view(storage);
}

// A seed for text `number` of a batch.
Random random_for(const EncodeOptions& options, uint64_t number) {
  return Random(options.seed + number * 0xD1B54A32D192ED03);
}

// Calls one(i) for each i on all cores; the error of the lowest i, if there is any.
template <class F>
absl::Status on_all_cores(size_t n, F one) {
  Mutex mutex;
  size_t failed = n;
  absl::Status status;
  parallel_for(static_cast<int64_t>(n), 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      absl::Status s = one(static_cast<size_t>(i));
      if (s.ok()) continue;
      const MutexLock lock(mutex);
      if (static_cast<size_t>(i) < failed) {
        failed = static_cast<size_t>(i);
        status = absl::Status(s.code(), concat("text ", i, " of the batch: ", message_of(s)));
      }
    }
  });
  return status;
}

absl::Status no_room(size_t max_length, size_t added) {
  return absl::InvalidArgumentError(
      concat("truncation: a max_length of ", max_length, " is below the ", added, " special tokens"));
}

// How many tokens the pieces of `size` tokens have that truncation makes.
size_t tokens_of_pieces(size_t size, size_t length, size_t stride) {
  if (length >= size || length == 0) return size;
  const size_t step = length - std::min(stride, length - 1);
  return size + (size - length + step - 1) / step * (length - step);
}

absl::Status cut(Encoding& e, size_t length, const Truncation& t, bool overflowing) {
  if (length > 0 && length < e.size() && t.stride >= length) {
    return absl::InvalidArgumentError(concat("truncation: a stride of ", t.stride, " leaves nothing of the ", length,
                                             " tokens that a text may have"));
  }
  if (!overflowing) {
    e.drop(length, t.direction);
    return absl::OkStatus();
  }
  const size_t tokens = tokens_of_pieces(e.size(), length, t.stride);
  if (tokens > kMostTokens && tokens > 2 * e.size()) return too_many_tokens(tokens);
  e.truncate(length, t.stride, t.direction);
  return absl::OkStatus();
}

absl::Status truncate(Encoding& first, std::optional<Encoding>& second, const Truncation& t, bool overflowing) {
  if (t.max_length == 0) {
    absl::Status status = cut(first, 0, t, overflowing);
    return status.ok() && second ? cut(*second, 0, t, overflowing) : status;
  }
  const size_t total = first.size() + (second ? second->size() : 0);
  if (total <= t.max_length) return absl::OkStatus();
  const size_t excess = total - t.max_length;
  if (t.strategy == TruncationStrategy::kLongestFirst) {
    if (!second) return cut(first, t.max_length, t, overflowing);
    // The shorter one stays whole if it can; otherwise both get half.
    size_t a = first.size(), b = second->size();
    const bool swapped = a > b;
    if (swapped) std::swap(a, b);
    b = a > t.max_length ? a : std::max(a, t.max_length - a);
    if (a + b > t.max_length) {
      a = t.max_length / 2;
      b = a + t.max_length % 2;
    }
    if (swapped) std::swap(a, b);
    absl::Status status = cut(first, a, t, overflowing);
    return status.ok() ? cut(*second, b, t, overflowing) : status;
  }
  const bool only_first = t.strategy == TruncationStrategy::kOnlyFirst;
  if (!only_first && !second) return absl::InvalidArgumentError("truncation: there is no second text to cut");
  Encoding& target = only_first ? first : *second;
  if (target.size() <= excess) {
    return absl::InvalidArgumentError(concat("truncation: the ", only_first ? "first" : "second", " text has ",
                                             target.size(), " tokens, too few to cut ", excess));
  }
  return cut(target, target.size() - excess, t, overflowing);
}

bool contains(const Vocabulary& vocabulary, const AddedToken& token) {
  return vocabulary.find(token.content).has_value();
}

// What overflowed of the parts is combined, each piece with each.
absl::Status check_combined(const std::vector<Encoding>& parts) {
  double pieces = 1, length = 0;
  size_t tokens = 0, overflowing = 0;
  for (const Encoding& e : parts) {
    pieces *= static_cast<double>(1 + e.overflowing.size());
    length += static_cast<double>(e.size());
    overflowing += !e.overflowing.empty();
    tokens += e.size();
    for (const Encoding& o : e.overflowing) tokens += o.size();
  }
  const double total = pieces * length;
  if (overflowing == 0 || total <= static_cast<double>(std::max(kMostTokens, 4 * tokens))) return absl::OkStatus();
  return too_many_tokens(static_cast<size_t>(std::min(total, 1e18)));
}

}  // namespace

void Tokenizer::Impl::find_around() {
  around.reset();
  std::vector<Encoding> one(1);
  Encoding& e = one[0];
  e.ids = {-1};
  e.type_ids = {0};
  e.tokens = {""};
  e.byte_offsets = e.char_offsets = {{0, 0}};
  e.word_ids = {0};
  e.special_tokens_mask = {0};
  e.attention_mask = {1};
  if (post_processor && !post_processor->process(one, true).ok()) return;
  std::vector<int32_t> all;
  for (const Encoding& part : one) all.insert(all.end(), part.ids.begin(), part.ids.end());
  const auto at = std::find(all.begin(), all.end(), -1);
  if (at == all.end() || std::find(at + 1, all.end(), -1) != all.end()) return;
  around.emplace(std::vector<int32_t>(all.begin(), at), std::vector<int32_t>(at + 1, all.end()));
}

absl::Status Tokenizer::Impl::check_truncation(const Truncation& t) const {
  const size_t added = post_processor ? post_processor->added_tokens(false) : 0;
  if (t.max_length < added) return no_room(t.max_length, added);
  const size_t room = t.max_length - added;
  if (t.stride > 0 && t.stride >= room) {
    return absl::InvalidArgumentError(concat("truncation: a stride of ", t.stride, " leaves nothing of the ", room,
                                             " tokens between the special ones"));
  }
  return absl::OkStatus();
}

absl::Status Tokenizer::Impl::prepare(Pieces& pieces, const EncodeOptions& options) const {
  added.find(pieces, false, options.encode_special_tokens);
  if (normalizer) {
    if (absl::Status status = normalizer->normalize(pieces); !status.ok()) return status;
  }
  added.find(pieces, true, options.encode_special_tokens);
  if (pre_tokenizer) {
    if (absl::Status status = pre_tokenizer->pre_tokenize(pieces); !status.ok()) return status;
  }
  if (!pieces.too_long()) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      "encode: the tokenizer's normalizer or pre-tokenizer makes the text far too long");
}

absl::Status Tokenizer::Impl::ids(std::string_view text, const EncodeOptions& options, Random& random,
                                  std::vector<int32_t>& out) const {
  Pieces pieces(text);
  if (absl::Status status = prepare(pieces, options); !status.ok()) return status;
  std::vector<ModelToken> tokens;
  out.reserve(out.size() + text.size() / 4);
  for (const Piece& piece : pieces.pieces()) {
    if (piece.token >= 0) {
      out.push_back(piece.token);
      continue;
    }
    tokens.clear();
    if (absl::Status status = model->tokenize(pieces.text(piece), random, tokens); !status.ok()) return status;
    for (const ModelToken& t : tokens) out.push_back(static_cast<int32_t>(t.id));
  }
  return absl::OkStatus();
}

absl::Status Tokenizer::Impl::run(std::string_view text, int32_t type_id, int32_t word, const EncodeOptions& options,
                                  Random& random, Encoding& out) const {
  Pieces pieces(text);
  if (absl::Status status = prepare(pieces, options); !status.ok()) return status;
  CharIndex chars(text);
  const size_t expected = out.size() + pieces.pieces().size() + pieces.pieces().size() / 4;
  out.ids.reserve(expected);
  out.tokens.reserve(expected);
  out.byte_offsets.reserve(expected);
  out.char_offsets.reserve(expected);
  out.word_ids.reserve(expected);
  std::vector<ModelToken> tokens;
  for (size_t i = 0; i < pieces.pieces().size(); ++i) {
    const Piece& piece = pieces.pieces()[i];
    const uint32_t size = piece.end - piece.begin;
    tokens.clear();
    if (piece.token >= 0) {
      tokens.push_back({static_cast<uint32_t>(piece.token), 0, size});
    } else if (absl::Status status = model->tokenize(pieces.text(piece), random, tokens); !status.ok()) {
      return status;
    }
    for (const ModelToken& t : tokens) {
      // A byte token behind a word's end (a suffix in bytes) is nowhere, as in `tokenizers`, but never ends behind the
      // text.
      Offset o{t.begin, t.end};
      bool placed = t.end <= size;
      if (placed && t.begin < t.end) {
        o = {pieces.source(piece.begin + t.begin).begin, pieces.source(piece.begin + t.end - 1).end};
      } else if (placed) {
        o = {piece.source_begin + t.begin, piece.source_begin + t.end};
      }
      placed = o.begin < text.size();
      out.ids.push_back(static_cast<int32_t>(t.id));
      out.byte_offsets.push_back(o);
      out.char_offsets.push_back(
          placed ? Offset{chars(o.begin), chars(std::min(o.end, static_cast<uint32_t>(text.size())))} : o);
      out.word_ids.push_back(word >= 0 ? word : static_cast<int32_t>(i));
      if (piece.token >= 0 || model->shows_text(t.id)) {
        out.tokens.emplace_back(pieces.text(piece).substr(t.begin, t.end - t.begin));
      } else {
        out.tokens.push_back(*model->vocabulary().token(t.id));
      }
    }
  }
  out.type_ids.resize(out.size(), type_id);
  out.special_tokens_mask.resize(out.size(), 0);
  out.attention_mask.resize(out.size(), 1);
  return absl::OkStatus();
}

absl::StatusOr<Encoding> Tokenizer::Impl::finish(Encoding encoding, std::optional<Encoding> pair,
                                                 const EncodeOptions& options) const {
  if (truncation) {
    Truncation t = *truncation;
    if (options.add_special_tokens && post_processor) {
      const size_t added = post_processor->added_tokens(pair.has_value());
      if (t.max_length < added) return no_room(t.max_length, added);
      t.max_length -= added;
    }
    if (absl::Status status = truncate(encoding, pair, t, options.overflowing); !status.ok()) return status;
  }
  std::vector<Encoding> all;
  all.push_back(std::move(encoding));
  if (pair) all.push_back(std::move(*pair));
  for (size_t i = 0; i < all.size(); ++i) {
    const auto mark = [i](Encoding& e) {
      e.sequences.assign(i + 1, {0, 0});
      e.sequences[i] = {0, e.size()};
    };
    mark(all[i]);
    for (Encoding& o : all[i].overflowing) mark(o);
  }
  if (post_processor) {
    if (absl::Status status = post_processor->process(all, options.add_special_tokens); !status.ok()) return status;
  }
  if (absl::Status status = check_combined(all); !status.ok()) return status;
  Encoding out;
  if (!all.empty()) out = std::move(all[0]);
  for (size_t i = 1; i < all.size(); ++i) out.append(all[i]);
  if (absl::Status status = pad({&out, 1}); !status.ok()) return status;
  return out;
}

absl::Status Tokenizer::Impl::pad(std::span<Encoding> encodings) const {
  if (!padding) return absl::OkStatus();
  size_t length = padding->length.value_or(0);
  if (!padding->length) {
    for (const Encoding& e : encodings) length = std::max(length, e.size());
  }
  if (padding->multiple_of > 0)
    length = (length + padding->multiple_of - 1) / padding->multiple_of * padding->multiple_of;
  for (Encoding& e : encodings) {
    size_t before = e.size();
    for (const Encoding& o : e.overflowing) before += o.size();
    const size_t after = length * (1 + e.overflowing.size());
    if (!e.overflowing.empty() && after > kMostTokens && after > 4 * before) return too_many_tokens(after);
    e.pad(length, padding->id, padding->type_id, padding->token, padding->direction);
  }
  return absl::OkStatus();
}

absl::StatusOr<Encoding> Tokenizer::Impl::encode(std::string_view text, const std::string_view* pair,
                                                 const EncodeOptions& options, uint64_t number) const {
  Random random = random_for(options, number);
  std::string storage, pair_storage;
  const absl::StatusOr<std::string_view> valid = checked(text, options, storage);
  if (!valid.ok()) return valid.status();
  Encoding first;
  if (absl::Status status = run(*valid, 0, -1, options, random, first); !status.ok()) return status;
  std::optional<Encoding> second;
  if (pair) {
    const absl::StatusOr<std::string_view> valid_pair = checked(*pair, options, pair_storage);
    if (!valid_pair.ok()) return valid_pair.status();
    second.emplace();
    if (absl::Status status = run(*valid_pair, 1, -1, options, random, *second); !status.ok()) return status;
  }
  return finish(std::move(first), std::move(second), options);
}

absl::StatusOr<Encoding> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  return impl_->encode(text, nullptr, options, 0);
}

absl::StatusOr<Encoding> Tokenizer::encode(std::string_view text, std::string_view pair,
                                           const EncodeOptions& options) const {
  return impl_->encode(text, &pair, options, 0);
}

namespace {

template <class Run>
absl::StatusOr<Encoding> all_words(std::span<const std::string> words, const EncodeOptions& options, Run run) {
  Encoding all;
  for (size_t i = 0; i < words.size(); ++i) {
    std::string storage;
    const absl::StatusOr<std::string_view> valid = checked(words[i], options, storage);
    if (!valid.ok()) return valid.status();
    if (absl::Status status = run(*valid, static_cast<int32_t>(i), all); !status.ok()) return status;
  }
  return all;
}

}  // namespace

absl::StatusOr<Encoding> Tokenizer::encode_words(std::span<const std::string> words,
                                                 const EncodeOptions& options) const {
  Random random = random_for(options, 0);
  absl::StatusOr<Encoding> first = all_words(words, options, [&](std::string_view word, int32_t i, Encoding& out) {
    return impl_->run(word, 0, i, options, random, out);
  });
  if (!first.ok()) return first;
  return impl_->finish(std::move(*first), std::nullopt, options);
}

absl::StatusOr<Encoding> Tokenizer::encode_words(std::span<const std::string> words, std::span<const std::string> pair,
                                                 const EncodeOptions& options) const {
  Random random = random_for(options, 0);
  absl::StatusOr<Encoding> both[2];
  for (int32_t which = 0; which < 2; ++which) {
    both[which] = all_words(which == 0 ? words : pair, options, [&](std::string_view word, int32_t i, Encoding& out) {
      return impl_->run(word, which, i, options, random, out);
    });
    if (!both[which].ok()) return both[which];
  }
  return impl_->finish(std::move(*both[0]), std::move(*both[1]), options);
}

absl::StatusOr<std::vector<int32_t>> Tokenizer::encode_ids(std::string_view text, const EncodeOptions& options) const {
  const auto& around = impl_->around;
  if (impl_->truncation || impl_->padding || !around) {
    absl::StatusOr<Encoding> e = encode(text, options);
    if (!e.ok()) return e.status();
    return std::move(e->ids);
  }
  Random random = random_for(options, 0);
  std::string storage;
  const absl::StatusOr<std::string_view> valid = checked(text, options, storage);
  if (!valid.ok()) return valid.status();
  std::vector<int32_t> out;
  if (options.add_special_tokens) out = around->first;
  if (absl::Status status = impl_->ids(*valid, options, random, out); !status.ok()) return status;
  if (options.add_special_tokens) out.insert(out.end(), around->second.begin(), around->second.end());
  return out;
}

absl::StatusOr<std::vector<Encoding>> Tokenizer::encode_batch(std::span<const std::string> texts,
                                                              const EncodeOptions& options) const {
  std::vector<Encoding> out(texts.size());
  absl::Status status = on_all_cores(texts.size(), [&](size_t i) {
    absl::StatusOr<Encoding> e = impl_->encode(texts[i], nullptr, options, i);
    if (e.ok()) out[i] = std::move(*e);
    return e.status();
  });
  if (status.ok()) status = impl_->pad(out);
  if (!status.ok()) return status;
  return out;
}

absl::StatusOr<std::vector<Encoding>> Tokenizer::encode_batch(
    std::span<const std::pair<std::string, std::string>> texts, const EncodeOptions& options) const {
  std::vector<Encoding> out(texts.size());
  absl::Status status = on_all_cores(texts.size(), [&](size_t i) {
    const std::string_view pair = texts[i].second;
    absl::StatusOr<Encoding> e = impl_->encode(texts[i].first, &pair, options, i);
    if (e.ok()) out[i] = std::move(*e);
    return e.status();
  });
  if (status.ok()) status = impl_->pad(out);
  if (!status.ok()) return status;
  return out;
}

absl::StatusOr<std::vector<std::vector<int32_t>>> Tokenizer::encode_ids_batch(std::span<const std::string> texts,
                                                                              const EncodeOptions& options) const {
  std::vector<std::vector<int32_t>> out(texts.size());
  const bool fast = !impl_->truncation && !impl_->padding;
  if (!fast) {
    absl::StatusOr<std::vector<Encoding>> all = encode_batch(texts, options);
    if (!all.ok()) return all.status();
    for (size_t i = 0; i < out.size(); ++i) out[i] = std::move((*all)[i].ids);
    return out;
  }
  absl::Status status = on_all_cores(texts.size(), [&](size_t i) {
    absl::StatusOr<std::vector<int32_t>> ids = encode_ids(texts[i], options);
    if (ids.ok()) out[i] = std::move(*ids);
    return ids.status();
  });
  if (!status.ok()) return status;
  return out;
}

absl::StatusOr<std::string> Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const int32_t id : ids) {
    const AddedToken* const added = id < 0 ? nullptr : impl_->added.token(static_cast<uint32_t>(id));
    if (added && added->special && skip_special_tokens) continue;
    std::optional<std::string> token = id_to_token(id);
    if (!token || (skip_special_tokens && impl_->added.is_special(*token))) continue;
    tokens.push_back(std::move(*token));
  }
  std::string out;
  if (impl_->decoder) {
    if (absl::Status status = impl_->decoder->decode(tokens); !status.ok()) return status;
    for (const std::string& token : tokens) out += token;
    return out;
  }
  for (const std::string& token : tokens) {
    if (&token != tokens.data()) out += ' ';
    out += token;
  }
  return out;
}

absl::StatusOr<std::vector<std::string>> Tokenizer::decode_batch(std::span<const std::vector<int32_t>> ids,
                                                                 bool skip_special_tokens) const {
  std::vector<std::string> out(ids.size());
  absl::Status status = on_all_cores(ids.size(), [&](size_t i) {
    absl::StatusOr<std::string> text = decode(ids[i], skip_special_tokens);
    if (text.ok()) out[i] = std::move(*text);
    return text.status();
  });
  if (!status.ok()) return status;
  return out;
}

size_t Tokenizer::vocab_size(bool with_added_tokens) const {
  const Vocabulary& vocabulary = impl_->model->vocabulary();
  size_t n = vocabulary.size();
  if (!with_added_tokens) return n;
  for (const auto& [id, token] : impl_->added.by_id()) n += contains(vocabulary, token) ? 0 : 1;
  return n;
}

std::optional<int32_t> Tokenizer::token_to_id(std::string_view token) const {
  std::optional<uint32_t> id = impl_->added.id(token);
  if (!id) id = impl_->model->vocabulary().find(token);
  return id ? std::optional(static_cast<int32_t>(*id)) : std::nullopt;
}

std::optional<std::string> Tokenizer::id_to_token(int32_t id) const {
  if (id < 0) return std::nullopt;
  if (const std::string* token = impl_->added.shown(static_cast<uint32_t>(id))) return *token;
  const std::string* const token = impl_->model->vocabulary().token(static_cast<uint32_t>(id));
  return token ? std::optional(*token) : std::nullopt;
}

std::vector<std::pair<std::string, int32_t>> Tokenizer::vocabulary() const {
  std::vector<std::pair<std::string, int32_t>> out;
  for (const auto& [token, id] : impl_->model->vocabulary().tokens()) out.emplace_back(token, static_cast<int32_t>(id));
  for (const auto& [id, token] : impl_->added.by_id()) {
    if (!contains(impl_->model->vocabulary(), token)) out.emplace_back(token.content, static_cast<int32_t>(id));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return out;
}

std::vector<std::pair<AddedToken, int32_t>> Tokenizer::added_tokens() const {
  std::vector<std::pair<AddedToken, int32_t>> out;
  for (const auto& [id, token] : impl_->added.by_id()) out.emplace_back(token, static_cast<int32_t>(id));
  return out;
}

absl::Status Tokenizer::add_tokens(const std::vector<AddedToken>& tokens) {
  auto changed = std::make_shared<Impl>(*impl_);
  absl::Status status = changed->added.add(tokens, *changed->model, changed->normalizer.get());
  if (status.ok()) impl_ = std::move(changed);
  return status;
}

const std::optional<Truncation>& Tokenizer::truncation() const { return impl_->truncation; }

absl::Status Tokenizer::set_truncation(std::optional<Truncation> truncation) {
  if (truncation) {
    if (absl::Status status = impl_->check_truncation(*truncation); !status.ok()) return status;
  }
  auto changed = std::make_shared<Impl>(*impl_);
  changed->truncation = truncation;
  impl_ = std::move(changed);
  return absl::OkStatus();
}

absl::Status Tokenizer::truncate_at(size_t max_length) {
  Truncation cut = impl_->truncation.value_or(Truncation{});
  cut.max_length = max_length;
  if (set_truncation(cut).ok()) return absl::OkStatus();
  cut.stride = 0;
  return set_truncation(cut);
}

const std::optional<Padding>& Tokenizer::padding() const { return impl_->padding; }

absl::Status Tokenizer::set_padding(std::optional<Padding> padding) {
  if (padding && std::max(padding->length.value_or(0), padding->multiple_of) > kMaxPadding) {
    return absl::InvalidArgumentError(concat("padding: a length of more than ", kMaxPadding, " tokens"));
  }
  if (padding &&
      (padding->token.size() > AddedTokens::kLongest ||
       std::max(padding->length.value_or(0), padding->multiple_of) * padding->token.size() > kMaxPaddingBytes)) {
    return absl::InvalidArgumentError(concat("padding: a token of ", padding->token.size(), " bytes is too long"));
  }
  auto changed = std::make_shared<Impl>(*impl_);
  changed->padding = std::move(padding);
  impl_ = std::move(changed);
  return absl::OkStatus();
}

}  // namespace hearth::text
