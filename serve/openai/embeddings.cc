#include "serve/openai/embeddings.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "absl/strings/escaping.h"
#include "core/base/error.h"
#include "core/ops/create.h"
#include "serve/base/json_reader_internal.h"
#include "serve/base/json_writer.h"
#include "serve/base/quote.h"
#include "serve/openai/error.h"

namespace hearth::serve {
namespace {

namespace dom = simdjson::dom;

// Bytes of memory for each byte of JSON, at most: an empty text of three characters with its comma is a std::string,
// and a list of one id ("[1],") a std::vector with a block of its own.
constexpr int64_t kReadBytes = 16;

template <class... Args>
absl::Status bad(std::string_view param, const Args&... what) {
  return with_param(absl::InvalidArgumentError(concat(what...)), param);
}

// "input", or "input[3]" in a list.
std::string place(std::optional<size_t> i) { return i ? concat("input[", *i, "]") : "input"; }

absl::Status add_text(std::string_view text, std::optional<size_t> i, EmbeddingsRequest& r) {
  if (text.empty()) return bad("input", place(i), " is an empty text");
  r.texts.emplace_back(text);
  return absl::OkStatus();
}

absl::Status add_tokens(const dom::array& list, std::optional<size_t> i, EmbeddingsRequest& r) {
  std::vector<int64_t>& ids = r.tokens.emplace_back();
  ids.reserve(list.size());
  for (const dom::element e : list) {
    int64_t id = 0;
    if (e.get(id)) return bad("input", place(i), ": a token id must be a whole number");
    ids.push_back(id);
  }
  if (ids.empty()) return bad("input", place(i), " has no token ids");
  return absl::OkStatus();
}

absl::Status read_input(const dom::element& input, EmbeddingsRequest& r) {
  constexpr const char* kForms =
      "input must be a text, a list of texts, a list of token ids, or a list of lists of token ids";
  std::string_view text;
  if (!input.get(text)) return add_text(text, {}, r);
  dom::array list;
  if (input.get(list)) return bad("input", kForms);
  if (list.size() == 0) return bad("input", "input is an empty list");
  const dom::element first = *list.begin();
  if (first.is_number()) return add_tokens(list, {}, r);
  first.is_string() ? r.texts.reserve(list.size()) : r.tokens.reserve(list.size());
  size_t i = 0;
  for (const dom::element e : list) {
    dom::array ids;
    absl::Status s;
    if (r.tokens.empty() && !e.get(text)) s = add_text(text, i, r);
    else if (r.texts.empty() && !e.get(ids)) s = add_tokens(ids, i, r);
    else s = bad("input", kForms);
    if (!s.ok()) return s;
    ++i;
  }
  return absl::OkStatus();
}

absl::Status read_field(std::string_view key, const dom::element& value, EmbeddingsRequest& r) {
  std::string_view text;
  if (key == "input") return read_input(value, r);
  if (key == "model") {
    if (value.get(text)) return bad(key, "model must be a string");
    r.model = text;
  } else if (value.is_null() && (key == "encoding_format" || key == "dimensions" || key == "user")) {
    return absl::OkStatus();  // as if it were not there
  } else if (key == "encoding_format") {
    if (value.get(text) || (text != "float" && text != "base64"))
      return bad(key, "encoding_format must be \"float\" or \"base64\"");
    r.base64 = text == "base64";
  } else if (key == "dimensions") {
    int64_t n = 0;
    if (value.get(n) || n < 1) return bad(key, "dimensions must be a whole number of at least 1");
    r.dimensions = n;
  } else if (key == "user") {
    if (value.get(text)) return bad(key, "user must be a string");
  } else {
    return bad(key, "the parameter ", quote(key), " is not supported");
  }
  return absl::OkStatus();
}

int64_t bytes_of(const EmbeddingsRequest& r) {
  int64_t characters = 0, ids = 0;
  for (const std::string& s : r.texts) characters += static_cast<int64_t>(s.size());
  for (const auto& list : r.tokens)
    ids += static_cast<int64_t>(sizeof(std::vector<int64_t>) + list.capacity() * sizeof(int64_t));
  return bytes_tensor_memory(static_cast<int64_t>(r.texts.size()), characters) + ids;
}

}  // namespace

absl::StatusOr<EmbeddingsRequest> parse_embeddings(std::string_view body, Reservation* memory) {
  const int64_t before = memory ? memory->bytes() : 0;
  EmbeddingsRequest r;
  {
    const auto document = JsonRequest::parse(body, memory);
    if (!document.ok()) return document.status();
    const dom::object& request = document->object();
    if (absl::Status s = unique_keys(request, "the request"); !s.ok()) return s;
    if (memory) {
      const int64_t most = kReadBytes * static_cast<int64_t>(body.size());
      if (absl::Status s = memory->resize(memory->bytes() + most); !s.ok()) return s;
    }
    for (const dom::key_value_pair field : request) {
      if (absl::Status s = read_field(field.key, field.value, r); !s.ok()) return s;
    }
  }
  if (r.model.empty()) return bad("model", "model is missing");
  if (r.texts.empty() && r.tokens.empty()) return bad("input", "input is missing");
  if (memory) memory->resize(before + bytes_of(r)).IgnoreError();  // less than before
  return r;
}

absl::StatusOr<Value> embeddings_input(EmbeddingsRequest& request, const TextEmbeddingLimits& limits,
                                       Reservation* memory) {
  if (!request.texts.empty()) {
    const auto n = static_cast<int64_t>(request.texts.size());
    return Value(BytesTensor{.shape = {n}, .elements = std::exchange(request.texts, {})});
  }
  const auto lists = std::exchange(request.tokens, {});
  const bool one = lists.size() == 1;
  size_t longest = 0;
  for (size_t i = 0; i < lists.size(); ++i) {
    const std::string where = one ? place({}) : place(i);
    if (static_cast<int64_t>(lists[i].size()) > limits.max_tokens)
      return bad("input", where, " has ", lists[i].size(), " tokens, but the model takes at most ", limits.max_tokens);
    for (const int64_t id : lists[i]) {
      if (id < 0 || id >= limits.vocabulary)
        return bad("input", where, ": the model has the token ids 0 to ", limits.vocabulary - 1, ", but not ", id);
    }
    longest = std::max(longest, lists[i].size());
  }
  const auto elements = static_cast<int64_t>(lists.size() * longest);
  if (memory) {
    const int64_t bytes = elements * static_cast<int64_t>(sizeof(int64_t));
    if (absl::Status s = memory->resize(memory->bytes() + bytes); !s.ok()) return s;
  }
  Tensor ids = full({static_cast<int64_t>(lists.size()), static_cast<int64_t>(longest)}, int64_t{-1}, {.dtype = i64});
  auto* to = ids.mutable_data<int64_t>();
  for (size_t i = 0; i < lists.size(); ++i) std::copy(lists[i].begin(), lists[i].end(), to + i * longest);
  return Value(std::move(ids));
}

absl::Status check_dimensions(const EmbeddingsRequest& request, int64_t size) {
  if (!request.dimensions || *request.dimensions <= size) return absl::OkStatus();
  return bad("dimensions", "dimensions is ", *request.dimensions, ", but the model's vectors have ", size, " elements");
}

absl::StatusOr<std::string> embeddings_json(const EmbeddingsRequest& request, const std::vector<Value>& outputs) {
  const Tensor vectors = outputs[0].tensor().contiguous();
  const int64_t size = vectors.size(1), kept = request.dimensions.value_or(size);
  const std::vector<int64_t> counts = outputs[1].tensor().to_vector<int64_t>();
  const auto* from = vectors.data<float>();
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("object", "list").key("data").begin_array();
  std::vector<float> vector(static_cast<size_t>(kept));
  for (int64_t i = 0; i < vectors.size(0); ++i) {
    std::copy_n(from + i * size, kept, vector.begin());
    if (!std::all_of(vector.begin(), vector.end(), [](float v) { return std::isfinite(v); }))
      return absl::InternalError(concat("the model's vector of input[", i, "] has NaN or infinity"));
    if (request.dimensions) {
      double squares = 0;
      for (const float v : vector) squares += double{v} * v;
      const double length = std::sqrt(squares);
      for (float& v : vector) v = length > 0 ? static_cast<float>(v / length) : v;
    }
    json.begin_object().field("object", "embedding").field("index", i).key("embedding");
    if (request.base64) {
      const absl::string_view bytes(reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float));
      json.value(absl::Base64Escape(bytes));
    } else {
      json.begin_array();
      for (const float v : vector) json.value(v);
      json.end_array();
    }
    json.end_object();
  }
  int64_t tokens = 0;
  for (const int64_t n : counts) tokens += n;
  json.end_array().field("model", request.model).key("usage").begin_object();
  json.field("prompt_tokens", tokens).field("total_tokens", tokens).end_object().end_object();
  return out;
}

int64_t embeddings_json_bytes(const EmbeddingsRequest& request, const std::vector<Value>& outputs) {
  constexpr int64_t kAround = 80, kNumber = 16;  // what is around a vector, and a number with its comma
  const Shape& shape = outputs[0].shape();
  const int64_t each = kAround + shape[1] * kNumber;
  return 2 * (shape[0] * each + 2 * kAround + static_cast<int64_t>(request.model.size()) * 6) + shape[1] * 4;
}

}  // namespace hearth::serve
