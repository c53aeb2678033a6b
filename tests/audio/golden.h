// torchaudio's values (tools/golden/audio.py), and how far from them a result is.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/io/safetensors.h"
#include "core/ops/arithmetic.h"
#include "core/ops/create.h"
#include "core/ops/reduce.h"
#include "core/tensor/tensor.h"

namespace hearth::audio {

inline Tensor stored(const std::string& name) {
  static const auto* const file = [] {
    auto f = io::load_safetensors("tests/audio/ops_golden.safetensors");
    if (!f.ok()) ADD_FAILURE() << f.status();
    return new io::Safetensors(*std::move(f));
  }();
  const auto it = file->tensors.find(name);
  EXPECT_NE(it, file->tensors.end()) << name;
  return it == file->tensors.end() ? zeros({1}) : it->second;
}

// As a part of the largest value.
inline double difference(const Tensor& got, const Tensor& want) {
  EXPECT_EQ(got.shape(), want.shape());
  if (!(got.shape() == want.shape())) return 1;
  const Tensor exact = want.to(f64);
  const double d = abs(got.detach().to(f64) - exact).amax({}).item<double>() / abs(exact).amax({}).item<double>();
  EXPECT_EQ(d, d);
  return d;
}

}  // namespace hearth::audio
