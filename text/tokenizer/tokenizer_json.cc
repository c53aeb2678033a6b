// tokenizer.json, read and written.
#include <sys/stat.h>

#include <utility>

#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "core/io/json_internal.h"
#include "core/io/with_path.h"
#include "text/tokenizer/tokenizer_impl_internal.h"
#include "text/tokenizer/word_piece.h"

namespace hearth::text {
namespace {

constexpr uint64_t kMaxFile = uint64_t{1} << 30;
constexpr size_t kMaxValues = 20'000'000;

Side side_of(Fields& f, std::string_view key) {
  if (!f.has(key)) return Side::kRight;
  const std::string name = f.string(key);
  if (name != "Left" && name != "Right") f.fail(key, concat("\"", name, "\" is neither Left nor Right"));
  return name == "Left" ? Side::kLeft : Side::kRight;
}

absl::StatusOr<Truncation> truncation_of(const Json& json) {
  Fields f(json, "tokenizer.json: truncation");
  Truncation t;
  t.max_length = f.integer("max_length");
  t.stride = f.integer("stride");
  t.direction = side_of(f, "direction");
  const std::string strategy = f.string("strategy");
  if (strategy == "OnlyFirst") {
    t.strategy = TruncationStrategy::kOnlyFirst;
  } else if (strategy == "OnlySecond") {
    t.strategy = TruncationStrategy::kOnlySecond;
  } else if (strategy != "LongestFirst") {
    f.fail("strategy", concat("\"", strategy, "\" is not known"));
  }
  if (!f.ok()) return f.status();
  return t;
}

absl::StatusOr<Padding> padding_of(const Json& json) {
  Fields f(json, "tokenizer.json: padding");
  Padding p;
  const Json& strategy = f.at("strategy");
  if (strategy.is_object()) {
    Fields fixed(strategy, f.place() + ".strategy");
    p.length = fixed.integer("Fixed");
    if (!fixed.ok()) return fixed.status();
  } else if (strategy != Json("BatchLongest")) {
    f.fail("strategy", "it is neither \"BatchLongest\" nor {\"Fixed\": length}");
  }
  p.direction = side_of(f, "direction");
  p.multiple_of = f.integer_or("pad_to_multiple_of", 0);
  p.id = static_cast<int32_t>(f.integer("pad_id"));
  p.type_id = static_cast<int32_t>(f.integer("pad_type_id"));
  p.token = f.string("pad_token");
  if (!f.ok()) return f.status();
  return p;
}

absl::StatusOr<std::vector<AddedToken>> added_of(const Json& list) {
  std::vector<AddedToken> tokens;
  for (size_t i = 0; i < list.size(); ++i) {
    Fields f(list[i], concat("tokenizer.json: added_tokens[", i, "]"));
    AddedToken t;
    t.content = f.string("content");
    t.single_word = f.boolean("single_word");
    t.lstrip = f.boolean("lstrip");
    t.rstrip = f.boolean("rstrip");
    t.normalized = f.boolean("normalized");
    t.special = f.boolean("special");
    f.integer("id");
    if (!f.ok()) return f.status();
    tokens.push_back(std::move(t));
  }
  return tokens;
}

// Writes out fields that may be left out here, but not in `tokenizers`: a file that is saved opens there.
void complete(Json& component) {
  if (!component.is_object()) return;
  const auto type = component.find("type");
  if (type == component.end()) return;
  const auto missing = [&](const char* key, bool value) {
    if (!component.contains(key) || component[key].is_null()) component[key] = value;
  };
  if (*type == "ByteLevel") {
    for (const char* key : {"add_prefix_space", "trim_offsets", "use_regex"}) missing(key, true);
  } else if (*type == "Digits") {
    missing("individual_digits", false);
  }
  for (const char* list : {"pretokenizers", "decoders", "processors"}) {
    if (component.contains(list) && component[list].is_array()) {
      for (Json& inner : component[list]) complete(inner);
    }
  }
}

const char* side_name(Side side) { return side == Side::kLeft ? "Left" : "Right"; }

}  // namespace

absl::StatusOr<Tokenizer> Tokenizer::load(const std::string& path) {
  struct stat info;
  const bool directory = stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  const std::string file = directory ? path + "/tokenizer.json" : path;
  const absl::StatusOr<std::string> text = io::read_file(file, kMaxFile);
  if (!text.ok()) return text.status();
  absl::StatusOr<Tokenizer> made = parse(*text);
  if (!made.ok()) return io::with_path(file, made.status());
  return made;
}

absl::StatusOr<Tokenizer> Tokenizer::parse(std::string_view text) {
  const absl::StatusOr<Json> json = io::parse_json(text, 64, kMaxValues);
  if (!json.ok()) return json.status();
  Fields f(*json, "tokenizer.json");
  if (const std::string version = f.string("version", "1.0"); version != "1.0") {
    f.fail("version", concat("\"", version, "\" is not known, only \"1.0\" is"));
  }
  if (!f.ok()) return f.status();
  absl::StatusOr<std::shared_ptr<Model>> model = make_model(f.at("model"), "tokenizer.json: model");
  if (!f.ok()) return f.status();
  if (!model.ok()) return model.status();
  return TokenizerFactory::assemble(std::move(*model), *json);
}

absl::StatusOr<Tokenizer> TokenizerFactory::assemble(std::shared_ptr<Model> model, const Json& config) {
  Fields f(config, "tokenizer.json");
  auto impl = std::make_shared<Tokenizer::Impl>();
  impl->json = Json::object();
  const auto component = [&](const char* key) -> const Json* {
    impl->json[key] = f.has(key) ? f.at(key) : Json();
    if (key != std::string_view("normalizer")) complete(impl->json[key]);
    return f.has(key) ? &f.at(key) : nullptr;
  };
  if (const Json* c = component("normalizer")) {
    absl::StatusOr<std::shared_ptr<const Normalizer>> made = make_normalizer(*c, "tokenizer.json: normalizer");
    if (!made.ok()) return made.status();
    impl->normalizer = std::move(*made);
  }
  if (const Json* c = component("pre_tokenizer")) {
    absl::StatusOr<std::shared_ptr<PreTokenizer>> made = make_pre_tokenizer(*c, "tokenizer.json: pre_tokenizer");
    if (!made.ok()) return made.status();
    // Byte-level text stays as it is where the model takes bytes: nothing is mapped, no offset moves.
    if ((*made)->ends_in_bytes() && model->take_bytes()) (*made)->keep_bytes();
    impl->pre_tokenizer = std::move(*made);
  }
  if (const Json* c = component("post_processor")) {
    absl::StatusOr<std::shared_ptr<const PostProcessor>> made =
        make_post_processor(*c, "tokenizer.json: post_processor");
    if (!made.ok()) return made.status();
    impl->post_processor = std::move(*made);
  }
  if (const Json* c = component("decoder")) {
    absl::StatusOr<std::shared_ptr<const Decoder>> made = make_decoder(*c, "tokenizer.json: decoder");
    if (!made.ok()) return made.status();
    impl->decoder = std::move(*made);
  }
  impl->model = std::move(model);
  if (f.has("added_tokens")) {
    absl::StatusOr<std::vector<AddedToken>> tokens = added_of(f.array("added_tokens"));
    if (!f.ok()) return f.status();
    if (!tokens.ok()) return tokens.status();
    if (absl::Status s = impl->added.add(*tokens, *impl->model, impl->normalizer.get()); !s.ok()) return s;
  }
  impl->find_around();
  Tokenizer tokenizer(impl);
  if (f.has("truncation")) {
    const absl::StatusOr<Truncation> t = truncation_of(f.at("truncation"));
    if (!t.ok()) return t.status();
    if (absl::Status s = tokenizer.set_truncation(*t); !s.ok()) return s;
  }
  if (f.has("padding")) {
    const absl::StatusOr<Padding> p = padding_of(f.at("padding"));
    if (!p.ok()) return p.status();
    if (absl::Status s = tokenizer.set_padding(*p); !s.ok()) return s;
  }
  return tokenizer;
}

Json TokenizerFactory::config(const Tokenizer& tokenizer) {
  // Everything but the model, which may be large.
  auto light = std::make_shared<Tokenizer::Impl>(*tokenizer.impl_);
  light->model = std::make_shared<WordLevel>(Vocabulary(), "");
  Json json = Json::parse(Tokenizer(std::move(light)).to_json());
  json.erase("model");
  return json;
}

std::string Tokenizer::to_json() const {
  using Ordered = nlohmann::ordered_json;
  Ordered out;
  out["version"] = "1.0";
  out["truncation"] = nullptr;
  if (const auto& t = impl_->truncation) {
    constexpr const char* kStrategies[] = {"LongestFirst", "OnlyFirst", "OnlySecond"};
    out["truncation"] = Ordered{{"direction", side_name(t->direction)},
                                {"max_length", t->max_length},
                                {"strategy", kStrategies[static_cast<size_t>(t->strategy)]},
                                {"stride", t->stride}};
  }
  out["padding"] = nullptr;
  if (const auto& p = impl_->padding) {
    Ordered strategy = "BatchLongest";
    if (p->length) strategy = Ordered{{"Fixed", *p->length}};
    out["padding"] = Ordered{{"strategy", strategy},
                             {"direction", side_name(p->direction)},
                             {"pad_to_multiple_of", p->multiple_of ? Ordered(p->multiple_of) : Ordered()},
                             {"pad_id", p->id},
                             {"pad_type_id", p->type_id},
                             {"pad_token", p->token}};
  }
  Ordered added = Ordered::array();
  for (const auto& [id, t] : impl_->added.by_id()) {
    added.push_back(Ordered{{"id", id},
                            {"content", t.content},
                            {"single_word", t.single_word},
                            {"lstrip", t.lstrip},
                            {"rstrip", t.rstrip},
                            {"normalized", t.normalized},
                            {"special", t.special}});
  }
  out["added_tokens"] = std::move(added);
  for (const char* key : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
    out[key] = Ordered::parse(impl_->json.value(key, Json()).dump());
  }
  out["model"] = model_json(*impl_->model);
  return out.dump(2, ' ', false, Ordered::error_handler_t::replace);
}

absl::Status Tokenizer::save(const std::string& path) const { return io::write_file(path, to_json()); }

}  // namespace hearth::text
