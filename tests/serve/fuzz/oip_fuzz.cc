// Infer requests. The first two bytes are Inference-Header-Content-Length, little endian; 0xFFFF: there is none. What
// is taken must fit the signature, and can be answered.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "serve/model/signature.h"
#include "serve/oip/infer_request.h"
#include "serve/oip/infer_response.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth;
  if (size < 2) return 0;
  static const graph::Signature signature = [] {
    graph::Signature s;
    s.inputs = {{"x", f32, {{-1, "batch"}, {2, ""}}},
                {"n", i64, {{-1, "batch"}}},
                {"m", boolean, {{-1, "batch"}, {-1, "length"}}}};
    s.outputs = {{"y", f32, {{-1, "batch"}, {2, ""}}}, {"k", i64, {{-1, "batch"}}}};
    return s;
  }();
  const int64_t length = data[0] | data[1] << 8;
  const std::string_view body(reinterpret_cast<const char*>(data + 2), size - 2);
  // As a model that takes files; they hold no more than the body.
  static const graph::Signature pictures = [] {
    graph::Signature s;
    s.inputs = {{"x", f32, {{-1, "batch"}, {2, ""}}}};
    s.outputs = s.inputs;
    s.preprocess_input = {{"type", "image"}};
    return s;
  }();
  const auto picture = serve::parse_infer(body, length == 0xFFFF ? std::nullopt : std::optional(length), pictures);
  if (picture.ok()) {
    const std::optional<std::string>& file = picture->file;
    if (file ? !picture->inputs.empty() || file->size() > size : !serve::check_inputs(pictures, picture->inputs).ok())
      std::abort();
  }

  // As a model of strings, which come back as they are.
  static const graph::Signature strings = [] {
    graph::Signature s;
    s.inputs = {{.name = "t", .shape = {{-1, "batch", {}}}, .bytes = true}};
    s.outputs = s.inputs;
    return s;
  }();
  const auto texts = serve::parse_infer(body, length == 0xFFFF ? std::nullopt : std::optional(length), strings);
  if (texts.ok()) {
    if (!serve::check_inputs(strings, texts->inputs).ok()) std::abort();
    if (texts->inputs[0].nbytes() > static_cast<int64_t>(sizeof(std::string) + 16 * size)) std::abort();
    const auto answer = serve::write_infer("m", 1, *texts, strings, texts->inputs);
    if (!answer.ok() && answer.status().message().find("not UTF-8") == absl::string_view::npos) std::abort();
  }

  const auto r = serve::parse_infer(body, length == 0xFFFF ? std::nullopt : std::optional(length), signature);
  if (!r.ok()) {
    if (r.status().message().empty()) std::abort();
    return 0;
  }
  if (!serve::check_inputs(signature, r->inputs).ok()) std::abort();
  size_t bytes = 0;
  for (const serve::Value& v : r->inputs) bytes += static_cast<size_t>(v.nbytes());
  if (bytes > 16 * size) std::abort();
  const auto answer = serve::write_infer("m", 1, *r, signature, {r->inputs[0], r->inputs[1]});
  if (!answer.ok() && answer.status().message().find("NaN or infinity") == absl::string_view::npos) std::abort();
  return 0;
}
