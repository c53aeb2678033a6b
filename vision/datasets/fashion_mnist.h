// Fashion-MNIST: 60,000 training and 10,000 test images of clothing, 28 x 28 grey pixels, 10 classes of equal size
// (Xiao, Rasul, Vollgraf, 2017).
#pragma once

#include <array>
#include <string>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"

namespace hearth::vision {

/// Where the Debian package dataset-fashion-mnist puts the files.
constexpr const char* kFashionMnistDirectory = "/usr/share/datasets/fashion-mnist";

/// Fashion-MNIST (Xiao, Rasul, Vollgraf, 2017): 60,000 training and 10,000 test images of clothing, 28 x 28 grey
/// pixels, in 10 classes of equal size. An example is an image u8 [1, 28, 28] and its label i64 []. Thread-safe.
class FashionMnist final : public data::Dataset {
 public:
  /// Which part of the data.
  enum class Split : uint8_t {
    kTrain,  ///< 60,000 images.
    kTest,   ///< 10,000 images.
  };
  /// The number of classes.
  static constexpr int64_t kClasses = 10;
  /// The names of the classes, for labels 0 to 9.
  static constexpr std::array<const char*, kClasses> kClassNames = {
      "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};

  /// Reads {train,t10k}-images-idx3-ubyte.gz and {train,t10k}-labels-idx1-ubyte.gz, or the same files without .gz.
  /// Errors name the file; kNotFound also names the Debian package. The files may hold any number of images, but must
  /// hold the same number.
  static absl::StatusOr<FashionMnist> load(Split split, const std::string& directory = kFashionMnistDirectory);

  /// All images, u8 [n, 1, 28, 28]. 0 is the background.
  const Tensor& images() const { return images_; }
  /// All labels, i64 [n], 0 to 9.
  const Tensor& labels() const { return labels_; }

  /// The number of examples.
  int64_t size() const override { return images_.shape()[0]; }
  /// Example i: an image u8 [1, 28, 28], which is a view of images(), and its label i64 []. `random` is not used.
  data::Example get(int64_t i, Generator& random) const override;

 private:
  FashionMnist(Tensor images, Tensor labels) : images_(std::move(images)), labels_(std::move(labels)) {}
  Tensor images_, labels_;
};

}  // namespace hearth::vision
