// The decoder "image" of PNG, JPEG, WebP and BMP. "color" in the signature's preprocess_input is "gray" or "rgb".
#include "serve/model/decoder.h"
#include "vision/image/codec.h"

namespace hearth::serve {
namespace {

absl::StatusOr<std::vector<Tensor>> decode(std::string_view file, const std::map<std::string, std::string>& input) {
  const auto color = input.find("color");
  const bool gray = color != input.end() && color->second == "gray";
  auto image = vision::decode_image(std::as_bytes(std::span(file.data(), file.size())),
                                    {.color = gray ? vision::ColorMode::kGray : vision::ColorMode::kRgb});
  if (!image.ok()) return image.status();
  return std::vector<Tensor>{*std::move(image)};
}

}  // namespace

constexpr Decoder kImageDecoder{"image", decode};
HEARTH_DECODER(kImageDecoder);

}  // namespace hearth::serve
