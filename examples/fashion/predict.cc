// Classifies pictures with an exported model. Nothing of the model's code is linked in: the graphs say what to do.

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/error.h"
#include "core/graph/save.h"
#include "core/ops/compare.h"
#include "core/ops/join.h"
#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "core/ops/view.h"
#include "vision/image/codec.h"

ABSL_FLAG(std::string, model, "runs/quickstart/model", "directory of the exported model");
ABSL_FLAG(int, top, 3, "how many guesses are shown");
ABSL_FLAG(std::string, invert, "auto",
          "auto, yes or no: the model was trained on light clothes before a dark background; auto inverts a picture "
          "whose edge is light");

namespace hearth {
namespace {

// u8 [1, h, w]
bool has_light_edge(const Tensor& image) {
  const Tensor x = image[0].to(f32);
  const Tensor edge = cat({x.select(0, 0), x.select(0, -1), x.select(1, 0), x.select(1, -1)});
  return edge.mean().item<double>() > 127;
}

struct Picture {
  std::string path;
  Tensor input;  // what the main graph takes, of one picture
  bool inverted = false;
};

absl::StatusOr<Picture> prepare(const graph::Graph& preprocess, const std::string& path, const std::string& invert) {
  auto image = vision::read_image(path, {.color = vision::ColorMode::kGray});
  if (!image.ok()) return image.status();
  Picture p{path, *image, invert == "yes" || (invert == "auto" && has_light_edge(*image))};
  if (p.inverted) p.input = bitwise_not(p.input);  // 255 - value
  p.input = preprocess(p.input);
  return p;
}

void print(const Picture& p, const Tensor& probabilities, const std::vector<std::string>& labels, int top) {
  const std::vector<float> v = probabilities.to_vector<float>();
  std::vector<size_t> order(v.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater<>(), [&](size_t i) { return v[i]; });
  absl::PrintF("%s ", p.path);
  for (size_t k = 0; k < std::min(order.size(), static_cast<size_t>(top)); ++k) {
    const size_t i = order[k];
    absl::PrintF("  %s %.1f %%", i < labels.size() ? labels[i] : absl::StrCat("class ", i), 100.0 * v[i]);
  }
  absl::PrintF("%s\n", p.inverted ? "  (inverted: its edge is light)" : "");
}

// Prints a line for each picture; the result is an error if one could not be read.
absl::Status predict(const std::vector<std::string>& paths) {
  const std::string directory = absl::GetFlag(FLAGS_model), invert = absl::GetFlag(FLAGS_invert);
  const int top = absl::GetFlag(FLAGS_top);
  if (invert != "auto" && invert != "yes" && invert != "no")
    return absl::InvalidArgumentError(absl::StrCat("--invert must be auto, yes or no, but is \"", invert, "\""));
  if (top < 1) return absl::InvalidArgumentError("--top must be at least 1");
  auto model = graph::load(directory);
  if (!model.ok()) return model.status();
  const auto& preprocess = model->preprocess;
  const auto& ports = model->signature.preprocess;
  if (!preprocess || ports.size() != 1 || ports[0].dtype != u8 || ports[0].shape.size() != 3 ||
      ports[0].shape[0].size != 1) {
    return absl::InvalidArgumentError(absl::StrCat(directory, " is no model of grey pictures"));
  }
  std::vector<Picture> pictures;
  int unreadable = 0;
  for (const std::string& path : paths) {
    auto p = prepare(*preprocess, path, invert);
    if (p.ok()) {
      pictures.push_back(*std::move(p));
    } else {
      ++unreadable;
      absl::FPrintF(stderr, "predict: %s\n", p.status().message());
    }
  }
  if (!pictures.empty()) {
    std::vector<Tensor> inputs;
    inputs.reserve(pictures.size());
    for (const Picture& p : pictures) inputs.push_back(p.input);
    const Tensor probabilities = softmax(model->main(stack(inputs)), -1);
    for (size_t i = 0; i < pictures.size(); ++i)
      print(pictures[i], probabilities[static_cast<int64_t>(i)], model->signature.labels, top);
  }
  if (unreadable > 0) return absl::InvalidArgumentError(absl::StrCat(unreadable, " of the pictures could not be read"));
  return absl::OkStatus();
}

}  // namespace
}  // namespace hearth

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("predict [--model=DIR] PICTURE...   PNG, JPEG, WebP or BMP");
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() < 2) {
    std::fprintf(stderr, "predict: name at least one picture (see --help)\n");
    return 2;
  }
  absl::Status s;
  try {
    s = hearth::predict({rest.begin() + 1, rest.end()});
  } catch (const hearth::Error& e) {
    s = absl::InternalError(e.what());
  }
  if (s.ok()) return 0;
  std::fprintf(stderr, "predict: %s\n", std::string(s.message()).c_str());
  return 1;
}
