#include "text/tokenizer/sentencepiece.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/with_path.h"
#include "text/sentencepiece/model_file.h"
#include "text/tokenizer/bpe.h"
#include "text/tokenizer/tokenizer_impl_internal.h"
#include "text/unicode/utf8.h"

namespace hearth::text {
namespace {

constexpr uint64_t kMaxFile = uint64_t{1} << 28;
constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581

absl::Status unimplemented(std::string_view what) {
  return absl::UnimplementedError(concat("a tokenizer of ", what, " is not known; SentencePiece::load() takes it"));
}

bool is_text(const ModelPiece& piece) {
  return piece.type == PieceType::kNormal || piece.type == PieceType::kUserDefined;
}

absl::Status check(const SentencePieceFile& file) {
  if (file.model == SentencePieceModel::kWord) return unimplemented("a model of words");
  if (file.treat_whitespace_as_suffix) return unimplemented("spaces behind words");
  if (!file.escape_whitespaces) return unimplemented("spaces that are not escaped");
  for (const ModelPiece& piece : file.pieces) {
    if (piece.type == PieceType::kUnused) return unimplemented(concat("unused pieces (\"", piece.text, "\")"));
  }
  return absl::OkStatus();
}

// What makes a piece, by the score of the result: of equal scores the leftmost comes first in SentencePiece, so they
// have one rank.
absl::StatusOr<std::shared_ptr<Model>> bpe_model(const SentencePieceFile& file) {
  // The work grows with the square of a piece.
  constexpr uint64_t kMostWork = uint64_t{1} << 32;
  uint64_t work = 0;
  std::vector<std::pair<std::string, int64_t>> tokens;
  for (const ModelPiece& piece : file.pieces) {
    tokens.emplace_back(piece.text, static_cast<int64_t>(tokens.size()));
    work += piece.text.size() * piece.text.size();
  }
  if (work > kMostWork) return absl::InvalidArgumentError("the pieces are too long and too many");
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::create(std::move(tokens));
  if (!vocabulary.ok()) return vocabulary.status();
  const auto known = [&](std::string_view text) {
    const auto id = vocabulary->find(text);
    return id && is_text(file.pieces[*id]);
  };
  struct Way {
    float score;
    Merge merge;
  };
  std::vector<Way> ways;
  for (const ModelPiece& piece : file.pieces) {
    if (piece.type != PieceType::kNormal || file.model == SentencePieceModel::kChar) continue;
    const std::string_view text = piece.text;
    for (size_t at = 0; at < text.size();) {
      const auto length = static_cast<size_t>(utf8_length(static_cast<unsigned char>(text[at])));
      if (!known(text.substr(at, length))) {
        return unimplemented(
            concat("the piece \"", text, "\" with the character \"", text.substr(at, length), "\", which is no piece"));
      }
      at += length;
      if (at < text.size() && known(text.substr(0, at)) && known(text.substr(at))) {
        ways.push_back({piece.score, {std::string(text.substr(0, at)), std::string(text.substr(at))}});
      }
    }
  }
  std::stable_sort(ways.begin(), ways.end(), [](const Way& a, const Way& b) { return a.score > b.score; });
  std::vector<Merge> merges;
  std::vector<uint32_t> ranks;
  for (size_t i = 0; i < ways.size(); ++i) {
    ranks.push_back(i > 0 && ways[i].score == ways[i - 1].score ? ranks.back() : static_cast<uint32_t>(i));
    merges.push_back(std::move(ways[i].merge));
  }
  BpeOptions options;
  options.unk_token = file.unk_piece;
  options.fuse_unk = true;
  options.byte_fallback = file.byte_fallback;
  absl::StatusOr<std::unique_ptr<Bpe>> made = Bpe::create(std::move(*vocabulary), merges, std::move(options), ranks);
  if (!made.ok()) return made.status();
  return std::shared_ptr<Model>(std::move(*made));
}

absl::StatusOr<std::shared_ptr<Model>> unigram_model(const SentencePieceFile& file) {
  Json vocab = Json::array();
  size_t unk_id = 0;
  for (const ModelPiece& piece : file.pieces) {
    if (piece.type == PieceType::kUnknown) unk_id = vocab.size();
    vocab.push_back({piece.text, static_cast<double>(piece.score)});
  }
  return make_model(
      {{"type", "Unigram"}, {"vocab", std::move(vocab)}, {"unk_id", unk_id}, {"byte_fallback", file.byte_fallback}},
      "model");
}

Json replace(Json pattern, std::string_view content) {
  return {{"type", "Replace"}, {"pattern", std::move(pattern)}, {"content", content}};
}

// Whether words can be made to pieces one by one: no piece goes on behind a space, and none that is unknown does.
bool words_are_alone(const SentencePieceFile& file) {
  bool space = false;
  for (const ModelPiece& piece : file.pieces) {
    if (!is_text(piece)) continue;
    if (piece.text.find(kSpace, 1) != std::string::npos) return false;
    space |= piece.text == kSpace;
  }
  return space;
}

Json added_token(size_t id, const ModelPiece& piece, bool normalized) {
  return {{"id", id},
          {"content", piece.text},
          {"single_word", false},
          {"lstrip", false},
          {"rstrip", false},
          {"normalized", normalized},
          {"special", piece.type != PieceType::kUserDefined}};
}

Json added_tokens(const SentencePieceFile& file, bool normalized) {
  Json out = Json::array();
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const ModelPiece& piece = file.pieces[id];
    const bool symbol = piece.type == PieceType::kUserDefined;
    if (symbol || piece.type == PieceType::kControl || piece.type == PieceType::kUnknown) {
      out.push_back(added_token(id, piece, symbol && normalized));
    }
  }
  return out;
}

Json pipeline(const SentencePieceFile& file) {
  Json normalizers = Json::array();
  if (!file.charsmap.empty()) {
    const std::string base64 = absl::Base64Escape({file.charsmap.data(), file.charsmap.size()});
    normalizers.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", base64}});
  }
  if (file.remove_extra_whitespaces) {
    // A space at the beginning stays where one is put before the text: Metaspace takes it for that.
    normalizers.push_back(replace({{"Regex", file.add_dummy_prefix ? R"( +\z)" : R"(\A +| +\z)"}}, ""));
    normalizers.push_back(replace({{"Regex", " {2,}"}}, " "));
  }
  // Where all spaces at the beginning stay, another one comes before them.
  const bool prepend = file.add_dummy_prefix && !file.remove_extra_whitespaces;
  if (prepend) normalizers.push_back({{"type", "Prepend"}, {"prepend", kSpace}});
  normalizers.push_back(replace({{"String", " "}}, kSpace));
  const bool first = file.add_dummy_prefix && !prepend, split = words_are_alone(file);
  Json decoders = Json::array({replace({{"String", kSpace}}, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
  if (file.add_dummy_prefix || file.remove_extra_whitespaces) {
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1U}, {"stop", 0U}});
  }
  Json config = {{"normalizer", {{"type", "Sequence"}, {"normalizers", std::move(normalizers)}}},
                 {"decoder", {{"type", "Sequence"}, {"decoders", std::move(decoders)}}},
                 // A symbol would not be found with another space before it.
                 {"added_tokens", added_tokens(file, !prepend)}};
  if (first || split) {
    config["pre_tokenizer"] = {{"type", "Metaspace"},
                               {"replacement", kSpace},
                               {"prepend_scheme", first ? "first" : "never"},
                               {"split", split}};
  }
  return config;
}

// The piece before or behind a text, in the template of a post-processor.
absl::Status add_around(const SentencePieceFile& file, const SentencePieceOptions& options, Json& config) {
  if (!options.add_bos && !options.add_eos) return absl::OkStatus();
  Json special = Json::object();
  const auto piece = [&](const std::string& name, unsigned type) -> Json {
    return {{"SpecialToken", {{"id", name}, {"type_id", type}}}};
  };
  for (const auto& [wanted, name] : {std::pair(options.add_bos, &file.bos_piece), {options.add_eos, &file.eos_piece}}) {
    if (!wanted) continue;
    const int32_t id = file.find(*name);
    if (id < 0) return absl::InvalidArgumentError(concat("there is no piece \"", *name, "\" to put around a text"));
    special[*name] = {
        {"id", *name}, {"ids", Json::array({static_cast<uint32_t>(id)})}, {"tokens", Json::array({*name})}};
  }
  const auto around = [&](Json& list, const char* text, unsigned type) {
    if (options.add_bos) list.push_back(piece(file.bos_piece, type));
    list.push_back({{"Sequence", {{"id", text}, {"type_id", type}}}});
    if (options.add_eos) list.push_back(piece(file.eos_piece, type));
  };
  Json single = Json::array(), pair = Json::array();
  around(single, "A", 0U);
  around(pair, "A", 0U);
  around(pair, "B", 1U);
  config["post_processor"] = {{"type", "TemplateProcessing"},
                              {"single", std::move(single)},
                              {"pair", std::move(pair)},
                              {"special_tokens", std::move(special)}};
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Tokenizer> parse_sentencepiece(std::string_view bytes, const SentencePieceOptions& options) {
  const absl::StatusOr<SentencePieceFile> file = parse_sentencepiece_file(bytes);
  if (!file.ok()) return file.status();
  if (absl::Status status = check(*file); !status.ok()) return status;
  absl::StatusOr<std::shared_ptr<Model>> model =
      file->model == SentencePieceModel::kUnigram ? unigram_model(*file) : bpe_model(*file);
  if (!model.ok()) return model.status();
  Json config = pipeline(*file);
  if (absl::Status status = add_around(*file, options, config); !status.ok()) return status;
  return TokenizerFactory::assemble(std::move(*model), config);
}

absl::StatusOr<Tokenizer> load_sentencepiece(const std::string& path, const SentencePieceOptions& options) {
  const absl::StatusOr<std::string> bytes = io::read_file(path, kMaxFile);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<Tokenizer> made = parse_sentencepiece(*bytes, options);
  if (!made.ok()) return io::with_path(path, made.status());
  return made;
}

}  // namespace hearth::text
