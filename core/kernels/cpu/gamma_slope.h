// How a gamma-distributed number changes with its concentration.
#pragma once

namespace hearth::cpu {

// d log(x) / d a of x(a) where P(a, x(a)), the distribution function of the standard gamma distribution, is constant
// (implicit reparametrization: Figurnov, Mohamed and Mnih, 2018). Relative error about 1e-9. a > 0; of x = e^log_x, so
// that x may be smaller than any number.
double gamma_log_slope(double a, double log_x);

}  // namespace hearth::cpu
