#pragma once

#include "core/op/attrs.h"

namespace hearth {

// Of factorisations that can fail.
struct FactorAttrs {
  bool check = true;  // a matrix that cannot be factored is an error
  static constexpr auto fields() { return std::make_tuple(field("check", &FactorAttrs::check)); }
  bool operator==(const FactorAttrs&) const = default;
};

struct TriangularAttrs {
  bool upper = false;  // which triangle is read
  bool unit = false;   // the diagonal is taken as 1
  static constexpr auto fields() {
    return std::make_tuple(field("upper", &TriangularAttrs::upper), field("unit", &TriangularAttrs::unit));
  }
  bool operator==(const TriangularAttrs&) const = default;
};

struct PermutationAttrs {
  int64_t size = 0;      // the rows that are permuted
  bool inverse = false;  // of a product with the transposed matrix
  static constexpr auto fields() {
    return std::make_tuple(field("size", &PermutationAttrs::size), field("inverse", &PermutationAttrs::inverse));
  }
  bool operator==(const PermutationAttrs&) const = default;
};

struct QrAttrs {
  bool complete = false;  // Q is square
  bool q = true;          // Q is wanted
  static constexpr auto fields() {
    return std::make_tuple(field("complete", &QrAttrs::complete), field("q", &QrAttrs::q));
  }
  bool operator==(const QrAttrs&) const = default;
};

// Of eigenvalues and singular values.
struct SpectralAttrs {
  bool vectors = true;  // the vectors are wanted, too
  bool full = false;    // of linalg_svd: U and V are square
  bool upper = false;   // of linalg_eigh: which triangle is read
  static constexpr auto fields() {
    return std::make_tuple(field("vectors", &SpectralAttrs::vectors), field("full", &SpectralAttrs::full),
                           field("upper", &SpectralAttrs::upper));
  }
  bool operator==(const SpectralAttrs&) const = default;
};

struct PinvAttrs {
  std::optional<double> atol, rtol;
  bool hermitian = false;
  static constexpr auto fields() {
    return std::make_tuple(field("atol", &PinvAttrs::atol), field("rtol", &PinvAttrs::rtol),
                           field("hermitian", &PinvAttrs::hermitian));
  }
  bool operator==(const PinvAttrs&) const = default;
};

struct LstsqAttrs {
  double rcond = 0;    // singular values below this part of the greatest count as 0
  int64_t driver = 0;  // linalg::LstsqDriver
  static constexpr auto fields() {
    return std::make_tuple(field("rcond", &LstsqAttrs::rcond), field("driver", &LstsqAttrs::driver));
  }
  bool operator==(const LstsqAttrs&) const = default;
};

}  // namespace hearth
