// SentencePiece's trainers behind plain types, as engine_internal.h.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>

#include "text/sentencepiece/engine_internal.h"

namespace hearth::text::sentencepiece_engine {

// Gives the next sentence; false: there is no more.
using NextSentence = std::function<bool(std::string& sentence)>;

// Trains with the library's options by name; `model` becomes the bytes of a `.model`. An exception that `next` throws
// comes out. A corpus that is empty after normalisation would end the process.
Failure train(const std::unordered_map<std::string, std::string>& options, const NextSentence& next,
              std::string& model);

}  // namespace hearth::text::sentencepiece_engine
