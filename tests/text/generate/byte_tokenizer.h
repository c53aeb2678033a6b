// A tokenizer without merges: each byte of a text is a token, so that tests can write down what a model says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/tokenizer/train.h"

namespace hearth::text {

constexpr int32_t kEndToken = 0;

// The 256 bytes, and before them <|end|>, which is special.
inline Tokenizer byte_tokenizer() {
  return train_bpe(byte_level_pipeline(), std::vector<std::string>{},
                   {.special_tokens = {"<|end|>"}, .byte_alphabet = true})
      .value();
}

}  // namespace hearth::text
