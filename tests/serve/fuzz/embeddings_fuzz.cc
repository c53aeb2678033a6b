// Requests for vectors of texts. What is taken becomes an input that fits, can be answered, and holds no more than its
// share of memory.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/ops/create.h"
#include "serve/openai/embeddings.h"
#include "serve/openai/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth::serve;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto budget = std::make_shared<MemoryBudget>(int64_t{1} << 20);
  Reservation memory(budget);
  auto request = parse_embeddings(body, &memory);
  if (!request.ok()) {
    if (request.status().message().empty() || openai_error_json(400, request.status()).empty()) std::abort();
    return 0;
  }
  if (request->texts.empty() == request->tokens.empty() || request->model.empty()) std::abort();
  if (memory.bytes() > static_cast<int64_t>(16 * size + 64)) std::abort();
  const auto input = embeddings_input(*request, {.max_tokens = 8, .vocabulary = 100}, &memory);
  if (!input.ok()) return 0;
  const int64_t n = input->shape()[0];
  if (!input->is_bytes() && (input->shape()[1] < 1 || input->shape()[1] > 8)) std::abort();
  if (!check_dimensions(*request, 3).ok()) return 0;
  const std::vector<Value> outputs = {hearth::full({n, 3}, 0.5), hearth::full({n}, 2, {.dtype = hearth::i64})};
  const auto answer = embeddings_json(*request, outputs);
  if (!answer.ok() || static_cast<int64_t>(answer->size()) > embeddings_json_bytes(*request, outputs)) std::abort();
  return 0;
}
