/// Orthogonal matrices: a parametrization (core/nn/parametrization.h). It needs LAPACK.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/nn/parametrization.h"

namespace hearth::nn {

/// How a matrix of any numbers becomes an orthogonal one.
enum class OrthogonalMap : uint8_t {
  kMatrixExp,    ///< e^A of a skew-symmetric A.
  kCayley,       ///< (1 + A / 2) (1 - A / 2)^-1 of a skew-symmetric A.
  kHouseholder,  ///< A product of reflections.
};

/// Keeps the parameter, a matrix or a batch of matrices [..., m, n], orthogonal: its columns are orthonormal if m >= n,
/// else its rows (Lezcano-Casado, 2019). Without a map square matrices take kMatrixExp and others kHouseholder. It
/// begins with the value that the parameter has, if that is orthogonal, else with the Q of its QR decomposition.
///
/// As torch.nn.utils.parametrizations.orthogonal with use_trivialization=True: the original is
/// parametrizations.NAME.original, and parametrizations.NAME.0.base, [..., k, k] with k = max(m, n), is what the map's
/// result is multiplied with. f32 and f64. Throws Error if there is no such parameter, and if it has less than 2
/// dimensions.
void orthogonal(ModuleBase& module, const std::string& name = "weight",
                std::optional<OrthogonalMap> map = std::nullopt);

}  // namespace hearth::nn
