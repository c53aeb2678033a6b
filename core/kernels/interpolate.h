// Kernels of interpolation along one dimension (InterpolateAttrs). f32 and f64, any strides.
#pragma once

namespace hearth {
struct OpCall;
}

namespace hearth::cpu {

void interpolate(OpCall&);       // x -> y
void interpolate_grad(OpCall&);  // dy -> dx

}  // namespace hearth::cpu
