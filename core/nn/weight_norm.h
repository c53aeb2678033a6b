/// Weights of a certain norm: parametrizations (core/nn/parametrization.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/nn/parametrization.h"

namespace hearth::nn {

/// Makes the parameter g v / |v|, with one length g for each place of dimension `dim`, or one for all without `dim`
/// (Salimans and Kingma, 2016). As torch.nn.utils.parametrizations.weight_norm: the originals are
/// parametrizations.NAME.original0 (g) and original1 (v); states in which they are NAME_g and NAME_v are taken too.
/// Throws Error if there is no such parameter or dimension; a dimension does not count from the end, where PyTorch
/// takes -1 for no dimension.
void weight_norm(ModuleBase& module, const std::string& name = "weight", std::optional<int64_t> dim = 0);

/// Options of spectral_norm().
struct SpectralNormOptions {
  int64_t n_power_iterations = 1;  ///< In each call in training, at least 1.
  double eps = 1e-12;              ///< The least length that a vector is divided by.
  int64_t dim = 0;                 ///< The rows of the matrix; 1 for transposed convolutions. May count from the end.
};
/// Divides the parameter, as a matrix of dimension `dim` and all others, by its greatest singular value, which it
/// estimates by power iterations (Miyato et al., 2018). As torch.nn.utils.parametrizations.spectral_norm: the original
/// is parametrizations.NAME.original, and the vectors are parametrizations.NAME.0._u and _v. A vector is divided by its
/// length. Throws Error if there is no such parameter, or an option is out of range.
void spectral_norm(ModuleBase& module, const std::string& name = "weight", const SpectralNormOptions& options = {});

}  // namespace hearth::nn
