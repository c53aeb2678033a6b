// What the tests of layers and modules share.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/math.h"

namespace hearth {

inline Tensor wave(const Shape& shape, double s) { return sin(arange(shape.numel()).to(f64) * 0.37 + s).view(shape); }
inline Tensor leaf(const Shape& shape, double s) {
  Tensor t = wave(shape, s).detach();
  return t.requires_grad_();
}

inline void expect_close(const std::vector<Tensor>& got, const std::vector<double>& want, double tolerance = 1e-9) {
  std::vector<double> all;
  for (const Tensor& t : got) {
    const auto v = t.to_vector<double>();
    all.insert(all.end(), v.begin(), v.end());
  }
  ASSERT_EQ(all.size(), want.size());
  for (size_t i = 0; i < all.size(); ++i)
    ASSERT_NEAR(all[i], want[i], tolerance * (1 + std::abs(want[i]))) << "value " << i;
}

// What f throws.
template <class F>
std::string message(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("not an Error: ") + e.what();
  }
  return "no error";
}

}  // namespace hearth
