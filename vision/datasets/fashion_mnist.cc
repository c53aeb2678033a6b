#include "vision/datasets/fashion_mnist.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "core/base/error.h"
#include "vision/datasets/idx.h"

namespace hearth::vision {
namespace {

constexpr int64_t kSide = 28;
constexpr uint64_t kMaxBytes = uint64_t{1} << 30;

// The path of a file of the set: gzipped, or else plain.
absl::StatusOr<std::string> find(const std::string& directory, const std::string& name) {
  const std::string plain = directory + "/" + name, zipped = plain + ".gz";
  std::error_code error;
  for (const std::string& path : {zipped, plain}) {
    if (std::filesystem::exists(path, error)) return path;
  }
  const bool there = std::filesystem::is_directory(directory, error);
  return absl::NotFoundError(absl::StrCat("Fashion-MNIST: there is no ", there ? zipped : "directory " + directory,
                                          "; it comes with the Debian package dataset-fashion-mnist (apt-get install "
                                          "dataset-fashion-mnist), or name the directory that holds the files"));
}

}  // namespace

absl::StatusOr<FashionMnist> FashionMnist::load(Split split, const std::string& directory) {
  const std::string prefix = split == Split::kTrain ? "train" : "t10k";
  const auto image_path = find(directory, prefix + "-images-idx3-ubyte");
  if (!image_path.ok()) return image_path.status();
  const auto label_path = find(directory, prefix + "-labels-idx1-ubyte");
  if (!label_path.ok()) return label_path.status();
  const auto images = read_idx(*image_path, kMaxBytes);
  if (!images.ok()) return images.status();
  const auto labels = read_idx(*label_path, kMaxBytes);
  if (!labels.ok()) return labels.status();

  const Shape& shape = images->shape();
  if (images->dtype() != u8 || shape.rank() != 3 || shape[0] < 1 || shape[1] != kSide || shape[2] != kSide) {
    return absl::InvalidArgumentError(
        concat(*image_path, ": expected images u8 [n, 28, 28], but the array is ", images->dtype(), " ", shape));
  }
  if (labels->dtype() != u8 || labels->dim() != 1) {
    return absl::InvalidArgumentError(
        concat(*label_path, ": expected labels u8 [n], but the array is ", labels->dtype(), " ", labels->shape()));
  }
  const int64_t n = shape[0];
  if (labels->numel() != n) {
    return absl::InvalidArgumentError(
        concat(*label_path, ": holds ", labels->numel(), " labels, but ", *image_path, " holds ", n, " images"));
  }
  const uint8_t* label = labels->data<uint8_t>();
  const uint8_t* bad = std::find_if(label, label + n, [](uint8_t l) { return l >= kClasses; });
  if (bad != label + n) {
    return absl::InvalidArgumentError(
        concat(*label_path, ": label ", bad - label, " is ", int{*bad}, "; labels are 0 to 9"));
  }
  return FashionMnist(images->view({n, 1, kSide, kSide}), labels->to(i64));
}

data::Example FashionMnist::get(int64_t i, Generator&) const {
  HEARTH_CHECK(i >= 0 && i < size(), "FashionMnist: example ", i, " is out of range for ", size(), " examples");
  return {images_[i], labels_[i]};
}

}  // namespace hearth::vision
