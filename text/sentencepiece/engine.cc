#include "text/sentencepiece/engine_internal.h"

#include <sentencepiece_processor.h>

#include <exception>
#include <random>

// What the library has, but does not show in its header.
namespace sentencepiece {
namespace random {
// The generator of the thread. SetRandomGeneratorSeed() does nothing once a thread has drawn a number.
std::mt19937* GetRandomGenerator();
}  // namespace random
namespace logging {
void SetMinLogLevel(int level);
}
}  // namespace sentencepiece

namespace hearth::text::sentencepiece_engine {

struct Engine::Impl {
  sentencepiece::SentencePieceProcessor processor;
};

namespace {

// f() gives the library's status; it may throw.
template <class F>
Failure call(F f) {
  try {
    const sentencepiece::util::Status status = f();
    if (status.ok()) return {};
    Failure why = plain(status.message());
    return why.empty() ? "the library gave no reason" : why;
  } catch (const std::exception& e) {
    return std::string("the library failed: ") + e.what();
  }
}

}  // namespace

void silence() {
  constexpr int kNothing = 4;
  [[maybe_unused]] static const bool once = (sentencepiece::logging::SetMinLogLevel(kNothing), true);
}

Failure plain(std::string_view message) {
  // "src/file.cc(12) [condition] why"
  const size_t place = message.find(".cc(");
  const size_t open = message.find(") [", place == std::string_view::npos ? 0 : place);
  if (place == std::string_view::npos || open == std::string_view::npos) return std::string(message);
  const size_t close = message.find("] ", open);
  if (close == std::string_view::npos || close + 2 >= message.size()) return std::string(message.substr(open + 2));
  return std::string(message.substr(close + 2));
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

Failure Engine::load(std::string_view model, std::unique_ptr<Engine>& engine) {
  return call([&] {
    silence();
    auto impl = std::make_unique<Impl>();
    sentencepiece::util::Status status = impl->processor.LoadFromSerializedProto(model);
    if (status.ok()) engine.reset(new Engine(std::move(impl)));
    return status;
  });
}

Failure Engine::encode(std::string_view text, std::vector<int>& ids) const {
  return call([&] { return impl_->processor.Encode(text, &ids); });
}

Failure Engine::encode(std::string_view text, std::vector<Piece>& pieces) const {
  return call([&] {
    sentencepiece::ImmutableSentencePieceText encoded;
    sentencepiece::util::Status status = impl_->processor.Encode(text, encoded.mutable_proto());
    for (size_t i = 0; status.ok() && i < encoded.pieces_size(); ++i) {
      const auto piece = encoded.pieces(static_cast<int>(i));
      pieces.push_back({static_cast<int32_t>(piece.id()), piece.begin(), piece.end(), piece.piece()});
    }
    return status;
  });
}

Failure Engine::best(std::string_view text, int count, std::vector<std::vector<int>>& ids) const {
  return call([&] { return impl_->processor.NBestEncode(text, count, &ids); });
}

Failure Engine::sample(std::string_view text, int nbest_size, float alpha, uint32_t seed, std::vector<int>& ids) const {
  return call([&] {
    sentencepiece::random::GetRandomGenerator()->seed(seed);
    return impl_->processor.SampleEncode(text, nbest_size, alpha, &ids);
  });
}

Failure Engine::decode(const std::vector<int>& ids, std::string& text) const {
  return call([&] { return impl_->processor.Decode(ids, &text); });
}

Failure Engine::decode(const std::vector<std::string>& pieces, std::string& text) const {
  return call([&] { return impl_->processor.Decode(pieces, &text); });
}

}  // namespace hearth::text::sentencepiece_engine
