#include "vision/datasets/fashion_mnist.h"

#include <filesystem>

#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hearth::vision {
namespace {

using Split = FashionMnist::Split;
using testing::HasSubstr;

// Sums over image i, computed from the files by NumPy: of its pixels, and of pixel k times k + 1.
void expect_image(const FashionMnist& set, int64_t i, int64_t label, int64_t sum, int64_t weighted) {
  Generator random;
  const auto [image, target] = set.get(i, random);
  EXPECT_EQ(image.shape(), (Shape{1, 28, 28}));
  EXPECT_EQ(image.dtype(), u8);
  EXPECT_EQ(target.dim(), 0);
  EXPECT_EQ(target.item<int64_t>(), label);
  int64_t s = 0, w = 0, k = 0;
  for (int64_t v : image.to_vector<int64_t>()) {
    s += v;
    w += v * ++k;
  }
  EXPECT_EQ(s, sum) << i;
  EXPECT_EQ(w, weighted) << i;
}

void expect_balanced(const FashionMnist& set, int64_t each) {
  std::vector<int64_t> counts(FashionMnist::kClasses);
  for (int64_t l : set.labels().to_vector<int64_t>()) ++counts[static_cast<size_t>(l)];
  EXPECT_EQ(counts, std::vector<int64_t>(FashionMnist::kClasses, each));
}

TEST(FashionMnistTest, HoldsWhatIsKnown) {
  const auto train = FashionMnist::load(Split::kTrain);
  ASSERT_TRUE(train.ok()) << train.status();
  EXPECT_EQ(train->images().shape(), (Shape{60000, 1, 28, 28}));
  EXPECT_EQ(train->labels().dtype(), i64);
  EXPECT_EQ(train->images().sum().item<int64_t>(), 3431114169);
  expect_balanced(*train, 6000);
  expect_image(*train, 0, 9, 76247, 35954273);
  expect_image(*train, 30000, 3, 59127, 24760664);
  expect_image(*train, 59999, 5, 16684, 7678154);

  const auto test = FashionMnist::load(Split::kTest);
  ASSERT_TRUE(test.ok()) << test.status();
  EXPECT_EQ(test->size(), 10000);
  EXPECT_EQ(test->images().sum().item<int64_t>(), 573469082);
  expect_balanced(*test, 1000);
  expect_image(*test, 1, 2, 100994, 40080513);
  expect_image(*test, 9999, 5, 24390, 10911940);
  EXPECT_STREQ(FashionMnist::kClassNames[9], "Ankle boot");
}

class BrokenFiles : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(directory_);
  }
  void write(const std::string& name, const std::string& header, size_t n, char value) {
    ASSERT_TRUE(io::write_file(directory_ + "/" + name, header + std::string(n, value)).ok());
  }
  void write_images(uint8_t n) { write("t10k-images-idx3-ubyte", images(n, 28), n * 784u, 7); }
  void write_labels(uint8_t n, char value) { write("t10k-labels-idx1-ubyte", labels(n), n, value); }
  static std::string images(uint8_t n, uint8_t side) {
    return std::string("\0\0\x08\x03\0\0\0", 7) + static_cast<char>(n) + std::string(3, '\0') +
           static_cast<char>(side) + std::string(3, '\0') + static_cast<char>(side);
  }
  static std::string labels(uint8_t n) { return std::string("\0\0\x08\x01\0\0\0", 7) + static_cast<char>(n); }
  void expect_error(absl::StatusCode code, const std::string& text) {
    const absl::Status s = FashionMnist::load(Split::kTest, directory_).status();
    EXPECT_EQ(s.code(), code) << s;
    EXPECT_THAT(std::string(s.message()), HasSubstr(text));
  }
  std::string directory_;
};

TEST_F(BrokenFiles, AreNamed) {
  const absl::Status none = FashionMnist::load(Split::kTrain, "/none").status();
  EXPECT_EQ(none.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(none.message()), HasSubstr("no directory /none"));
  EXPECT_THAT(std::string(none.message()), HasSubstr("apt-get install dataset-fashion-mnist"));

  expect_error(absl::StatusCode::kNotFound, "there is no " + directory_ + "/t10k-images-idx3-ubyte.gz");
  write_images(3);
  expect_error(absl::StatusCode::kNotFound, "t10k-labels-idx1-ubyte.gz");
  write_labels(2, 1);
  expect_error(absl::StatusCode::kInvalidArgument, "labels-idx1-ubyte: holds 2 labels");
  write_labels(3, 10);
  expect_error(absl::StatusCode::kInvalidArgument, "labels-idx1-ubyte: label 0 is 10");
  write_labels(3, 9);
  const auto set = FashionMnist::load(Split::kTest, directory_);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->size(), 3);
  Generator random;
  EXPECT_THROW(set->get(3, random), Error);

  write("t10k-images-idx3-ubyte", images(3, 27), 3 * 27 * 27, 0);
  expect_error(absl::StatusCode::kInvalidArgument, "images-idx3-ubyte: expected images u8 [n, 28, 28]");
  write("t10k-images-idx3-ubyte", images(0, 28), 0, 0);
  expect_error(absl::StatusCode::kInvalidArgument, "[0, 28, 28]");
  write("t10k-images-idx3-ubyte", images(3, 28), 3 * 784 - 1, 0);
  expect_error(absl::StatusCode::kDataLoss, "images-idx3-ubyte: IDX: an array of shape [3, 28, 28] needs 2352 bytes");
  write("t10k-images-idx3-ubyte.gz", images(3, 28), 3 * 784, 0);
  write("t10k-labels-idx1-ubyte.gz", images(3, 28), 3 * 784, 0);
  expect_error(absl::StatusCode::kInvalidArgument, "labels-idx1-ubyte.gz: expected labels u8 [n]");
}

}  // namespace
}  // namespace hearth::vision
