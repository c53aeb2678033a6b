// Fashion-MNIST: 60,000 training and 10,000 test images of clothing, 28 x 28 grey pixels, 10 classes of equal size
// (Xiao, Rasul, Vollgraf, 2017).
#pragma once

#include <array>
#include <string>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"

namespace hearth::vision {

// Where the Debian package dataset-fashion-mnist puts the files.
constexpr const char* kFashionMnistDirectory = "/usr/share/datasets/fashion-mnist";

class FashionMnist final : public data::Dataset {
 public:
  enum class Split : uint8_t { kTrain, kTest };
  static constexpr int64_t kClasses = 10;
  // Of labels 0 to 9.
  static constexpr std::array<const char*, kClasses> kClassNames = {
      "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};

  // Reads {train,t10k}-images-idx3-ubyte.gz and {train,t10k}-labels-idx1-ubyte.gz, or the same without .gz. Errors
  // name the file; kNotFound the Debian package too. The files may hold any number of images, as long as both hold the
  // same.
  static absl::StatusOr<FashionMnist> load(Split split, const std::string& directory = kFashionMnistDirectory);

  const Tensor& images() const { return images_; }  // u8 [n, 1, 28, 28], 0 is the background
  const Tensor& labels() const { return labels_; }  // i64 [n], 0 to 9

  int64_t size() const override { return images_.shape()[0]; }
  // An image u8 [1, 28, 28], which looks into images(), and its label i64 [].
  data::Example get(int64_t i, Generator& random) const override;

 private:
  FashionMnist(Tensor images, Tensor labels) : images_(std::move(images)), labels_(std::move(labels)) {}
  Tensor images_, labels_;
};

}  // namespace hearth::vision
