#include "core/kernels/cpu/conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "core/base/parallel.h"

namespace hearth::cpu {
namespace {

struct Case {
  int64_t n, c, h, w, oc, kh, kw, sh, sw, ph, pw, dh, dw, groups;
};

Conv conv_of(const Case& s, DType t) {
  Conv v;
  v.dtype = t;
  v.n = s.n;
  v.c = s.c;
  v.h = s.h;
  v.w = s.w;
  v.oc = s.oc;
  v.kernel[0] = s.kh;
  v.kernel[1] = s.kw;
  v.stride[0] = s.sh;
  v.stride[1] = s.sw;
  v.pad[0] = s.ph;
  v.pad[1] = s.pw;
  v.dilation[0] = s.dh;
  v.dilation[1] = s.dw;
  v.groups = s.groups;
  v.oh = (s.h + 2 * s.ph - s.dh * (s.kh - 1) - 1) / s.sh + 1;
  v.ow = (s.w + 2 * s.pw - s.dw * (s.kw - 1) - 1) / s.sw + 1;
  return v;
}

// The definition in f64, and beside each value the sum of its terms' sizes.
struct Reference {
  std::vector<double> y, y_size, dx, dx_size, dw, dw_size, db, db_size;
};

template <class T>
Reference reference(const Conv& s, const std::vector<T>& x, const std::vector<T>& w, const std::vector<T>& b,
                    const std::vector<T>& dy) {
  Reference r;
  r.y.resize(dy.size());
  r.dx.resize(x.size());
  r.dw.resize(w.size());
  r.db.resize(b.size());
  r.y_size = r.y, r.dx_size = r.dx, r.dw_size = r.dw, r.db_size = r.db;
  auto add = [](std::vector<double>& v, std::vector<double>& size, size_t i, double t) {
    v[i] += t;
    size[i] += std::abs(t);
  };
  const int64_t in = s.c / s.groups, out = s.oc / s.groups;
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t p = 0; p < s.oh; ++p) {
      for (int64_t q = 0; q < s.ow; ++q) {
        for (int64_t o = 0; o < s.oc; ++o) {
          const auto yi = static_cast<size_t>(((n * s.oh + p) * s.ow + q) * s.oc + o);
          const double d = convert<double>(dy[yi]);
          add(r.y, r.y_size, yi, convert<double>(b[static_cast<size_t>(o)]));
          add(r.db, r.db_size, static_cast<size_t>(o), d);
          for (int64_t c = 0; c < in; ++c) {
            for (int64_t i = 0; i < s.kernel[0]; ++i) {
              for (int64_t j = 0; j < s.kernel[1]; ++j) {
                const int64_t y = p * s.stride[0] - s.pad[0] + i * s.dilation[0],
                              z = q * s.stride[1] - s.pad[1] + j * s.dilation[1];
                if (y < 0 || y >= s.h || z < 0 || z >= s.w) continue;
                const auto xi = static_cast<size_t>(((n * s.h + y) * s.w + z) * s.c + o / out * in + c);
                const auto wi = static_cast<size_t>(((o * in + c) * s.kernel[0] + i) * s.kernel[1] + j);
                add(r.y, r.y_size, yi, convert<double>(x[xi]) * convert<double>(w[wi]));
                add(r.dx, r.dx_size, xi, d * convert<double>(w[wi]));
                add(r.dw, r.dw_size, wi, d * convert<double>(x[xi]));
              }
            }
          }
        }
      }
    }
  }
  return r;
}

template <class T>
constexpr double kEpsilon = std::is_same_v<T, double>  ? 0x1p-53
                            : std::is_same_v<T, float> ? 0x1p-24
                            : std::is_same_v<T, Half>  ? 0x1p-11
                                                       : 0x1p-8;

template <class T>
void expect_close(const char* what, const std::vector<T>& got, const std::vector<double>& want,
                  const std::vector<double>& size) {
  const double sum_epsilon = std::is_same_v<T, double> ? 0x1p-53 : 0x1p-24;
  for (size_t i = 0; i < got.size(); ++i) {
    const double tolerance =
        kEpsilon<T> * std::abs(want[i]) * 1.01 + 24 * sum_epsilon * size[i] + (std::is_same_v<T, Half> ? 0x1p-25 : 0);
    ASSERT_NEAR(convert<double>(got[i]), want[i], tolerance) << what << ", element " << i;
  }
}

template <class T>
void check(const Case& c) {
  SCOPED_TRACE(testing::Message() << "n " << c.n << " c " << c.c << " " << c.h << "x" << c.w << " oc " << c.oc
                                  << " kernel " << c.kh << "x" << c.kw << " stride " << c.sh << "," << c.sw << " pad "
                                  << c.ph << "," << c.pw << " dilation " << c.dh << "," << c.dw << " groups "
                                  << c.groups);
  const Conv s = conv_of(c, dtype_of<T>);
  std::mt19937 g(1);
  std::uniform_real_distribution<float> u(-1, 1);
  auto filled = [&](int64_t n) {
    std::vector<T> v(static_cast<size_t>(n));
    for (auto& e : v) e = T(u(g));
    return v;
  };
  const auto x = filled(s.n * s.h * s.w * s.c), w = filled(s.oc * (s.c / s.groups) * s.kernel[0] * s.kernel[1]),
             b = filled(s.oc), dy = filled(s.n * s.oh * s.ow * s.oc);
  const Reference r = reference(s, x, w, b, dy);
  std::vector<T> y(dy.size()), dx(x.size()), dw(w.size()), db(b.size()), first[4];
  PackedCache cache;
  for (int width : {1, 2, 4}) {
    ThreadWidth guard(width);
    for (auto* v : {&y, &dx, &dw, &db}) std::fill(v->begin(), v->end(), T(77.0f));
    conv_forward(s, x.data(), w.data(), b.data(), y.data(), {&cache, 0});
    conv_backward_data(s, dy.data(), w.data(), dx.data(), {&cache, 0});
    conv_backward_weights(s, x.data(), dy.data(), dw.data(), db.data());
    int i = 0;
    for (auto* v : {&y, &dx, &dw, &db}) {
      if (width == 1) first[i] = *v;
      else
        EXPECT_TRUE(v->empty() || std::memcmp(first[i].data(), v->data(), v->size() * sizeof(T)) == 0)
            << "other bits with " << width << " threads in result " << i;
      ++i;
    }
  }
  expect_close("y", y, r.y, r.y_size);
  expect_close("dx", dx, r.dx, r.dx_size);
  expect_close("dw", dw, r.dw, r.dw_size);
  expect_close("db", db, r.db, r.db_size);
  // Without a bias.
  std::vector<T> no_bias(y.size()), dw2(dw.size());
  conv_forward(s, x.data(), w.data(), nullptr, no_bias.data());
  std::vector<double> without(r.y);
  for (size_t i = 0; i < y.size(); ++i) without[i] -= convert<double>(b[i % b.size()]);
  expect_close("y without a bias", no_bias, without, r.y_size);
  conv_backward_weights(s, x.data(), dy.data(), dw2.data(), nullptr);
  expect_close("dw without db", dw2, r.dw, r.dw_size);
}

template <class T>
class ConvTest : public testing::Test {};
using Types = testing::Types<float, double, BFloat16, Half>;
TYPED_TEST_SUITE(ConvTest, Types);

TYPED_TEST(ConvTest, Shapes) {
  for (const Case& c : std::vector<Case>{
           // n   c  h   w  oc kh kw sh sw ph pw dh dw groups
           {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1},
           {2, 3, 5, 7, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1},
           {3, 4, 9, 8, 6, 3, 2, 2, 1, 0, 1, 1, 1, 1},
           {2, 4, 10, 11, 8, 3, 3, 1, 2, 2, 2, 2, 2, 1},
           {2, 6, 7, 7, 9, 3, 3, 1, 1, 1, 1, 1, 1, 3},
           {2, 8, 7, 6, 8, 3, 3, 1, 1, 1, 1, 1, 1, 8},    // depthwise
           {2, 8, 7, 6, 16, 3, 3, 2, 2, 1, 1, 1, 1, 8},   // two for each channel
           {2, 5, 1, 33, 7, 1, 5, 1, 3, 0, 2, 1, 2, 1},   // one dimension
           {2, 16, 6, 6, 24, 1, 1, 1, 1, 0, 0, 1, 1, 1},  // a product of matrices
           {2, 16, 7, 7, 16, 1, 1, 2, 2, 0, 0, 1, 1, 2},
           {1, 3, 20, 20, 8, 7, 7, 2, 2, 3, 3, 1, 1, 1},
           {2, 3, 4, 4, 2, 4, 4, 1, 1, 3, 3, 1, 1, 1},
           {5, 2, 6, 5, 3, 2, 2, 3, 2, 0, 1, 1, 1, 1},
           {0, 3, 5, 5, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1},
       }) {
    check<TypeParam>(c);
  }
}

// Enough work to be cut into blocks of images, with a last one of another size, or, of few images, into stripes of
// rows.
TYPED_TEST(ConvTest, CutsTheWork) {
  if (std::is_same_v<TypeParam, double> || std::is_same_v<TypeParam, Half>) GTEST_SKIP() << "no blocks of images";
  check<TypeParam>({19, 1, 28, 28, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1});
  check<TypeParam>({21, 32, 14, 14, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1});
  check<TypeParam>({1, 32, 40, 40, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1});
  check<TypeParam>({2, 32, 61, 30, 48, 3, 3, 2, 2, 1, 1, 1, 1, 1});
  check<TypeParam>({1, 16, 64, 40, 32, 5, 3, 1, 1, 3, 1, 2, 1, 1});
  check<TypeParam>({3, 32, 80, 40, 32, 3, 3, 3, 1, 0, 1, 1, 1, 1});
  check<TypeParam>({1, 32, 57, 60, 32, 2, 3, 3, 2, 1, 1, 1, 1, 1});
  check<TypeParam>({1, 64, 48, 40, 64, 3, 3, 1, 1, 2, 2, 1, 1, 2});
  check<TypeParam>({1, 64, 60, 30, 96, 1, 1, 1, 1, 0, 0, 1, 1, 1});
}

}  // namespace
}  // namespace hearth::cpu
