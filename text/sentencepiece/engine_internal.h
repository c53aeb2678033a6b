// SentencePiece's library behind an interface of plain types: its header declares absl::string_view anew, so no source
// may include it together with Abseil's headers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::text::sentencepiece_engine {

// What went wrong; empty: nothing.
using Failure = std::string;

struct Piece {
  int32_t id;
  uint32_t begin, end;  // bytes of the text
  std::string text;
};

// A model. Const calls may be concurrent.
class Engine {
 public:
  // Takes a model that parse_sentencepiece_file() has found good.
  static Failure load(std::string_view model, std::unique_ptr<Engine>& engine);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Texts are valid UTF-8.
  Failure encode(std::string_view text, std::vector<int>& ids) const;
  Failure encode(std::string_view text, std::vector<Piece>& pieces) const;
  Failure best(std::string_view text, int count, std::vector<std::vector<int>>& ids) const;
  Failure sample(std::string_view text, int nbest_size, float alpha, uint32_t seed, std::vector<int>& ids) const;
  // Ids are those of the model.
  Failure decode(const std::vector<int>& ids, std::string& text) const;
  Failure decode(const std::vector<std::string>& pieces, std::string& text) const;

 private:
  struct Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Keeps the library from writing to standard error: what goes wrong comes back.
void silence();

// The message of the library's status without the place in its sources.
Failure plain(std::string_view message);

}  // namespace hearth::text::sentencepiece_engine
