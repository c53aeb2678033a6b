// Kernels of embeddings (EmbeddingAttrs).
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void embedding(OpCall&);       // weight, index -> rows
void embedding_grad(OpCall&);  // gradient of the rows, index -> dweight, summed in a fixed order

}  // namespace hearth::cpu

namespace hearth::cuda {

[[gnu::weak]] void embedding(OpCall&);
[[gnu::weak]] void embedding_grad(OpCall&);

}  // namespace hearth::cuda
