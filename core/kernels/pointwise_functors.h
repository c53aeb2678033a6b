// What each elementwise op computes, once for every device and instruction set. V is a register of vector lanes on the
// CPU (cpu/functors-inl.h) and a number on a GPU. Comparisons give 1 or 0.
//
// A device's facade includes this inside its namespace, once for each instruction set, with HEARTH_FUNCTOR_INLINE
// defined. The namespace has what the functors call: select, min, max, abs, isnan, exp, erf and the other functions of
// V. The ops that use the functors are listed in pointwise_lists.h.

#define HEARTH_FUNCTOR_1(Name, ...)                 \
  struct Name {                                     \
    template <class V>                              \
    HEARTH_FUNCTOR_INLINE V operator()(V x) const { \
      __VA_ARGS__                                   \
    }                                               \
  };
#define HEARTH_FUNCTOR_2(Name, ...)                      \
  struct Name {                                          \
    template <class V>                                   \
    HEARTH_FUNCTOR_INLINE V operator()(V a, V b) const { \
      __VA_ARGS__                                        \
    }                                                    \
  };
#define HEARTH_FUNCTOR_3(Name, ...)                           \
  struct Name {                                               \
    template <class V>                                        \
    HEARTH_FUNCTOR_INLINE V operator()(V a, V b, V c) const { \
      __VA_ARGS__                                             \
    }                                                         \
  };
#define HEARTH_FUNCTOR_4(Name, ...)                                \
  struct Name {                                                    \
    template <class V>                                             \
    HEARTH_FUNCTOR_INLINE V operator()(V a, V b, V c, V d) const { \
      __VA_ARGS__                                                  \
    }                                                              \
  };

// ---- arithmetic
HEARTH_FUNCTOR_2(Add, return a + b;)
HEARTH_FUNCTOR_2(Sub, return a - b;)
HEARTH_FUNCTOR_2(Mul, return a * b;)
HEARTH_FUNCTOR_2(Div, return a / b;)
HEARTH_FUNCTOR_2(FloorDivide, return floor_divide(a, b);)
HEARTH_FUNCTOR_2(TruncDivide, return trunc(a / b);)
HEARTH_FUNCTOR_2(Remainder, return remainder(a, b);)
HEARTH_FUNCTOR_2(Fmod, return fmod(a, b);)
HEARTH_FUNCTOR_2(Pow, return pow(a, b);)
HEARTH_FUNCTOR_2(Maximum, return max(a, b);)
HEARTH_FUNCTOR_2(Minimum, return min(a, b);)
HEARTH_FUNCTOR_1(Neg, return -x;)
HEARTH_FUNCTOR_1(Abs, return abs(x);)
HEARTH_FUNCTOR_1(Sign, return select(isnan(x), x, ones(x > V(0)) - ones(x < V(0)));)
HEARTH_FUNCTOR_1(Square, return x * x;)
HEARTH_FUNCTOR_1(Reciprocal, return V(1) / x;)
HEARTH_FUNCTOR_1(Sqrt, return sqrt(x);)
HEARTH_FUNCTOR_1(Rsqrt, return V(1) / sqrt(x);)
HEARTH_FUNCTOR_1(Floor, return floor(x);)
HEARTH_FUNCTOR_1(Ceil, return ceil(x);)
HEARTH_FUNCTOR_1(Trunc, return trunc(x);)
HEARTH_FUNCTOR_1(Round, return round(x);)
HEARTH_FUNCTOR_1(Frac, return x - trunc(x);)
HEARTH_FUNCTOR_3(Clamp, return min(max(a, b), c);)
HEARTH_FUNCTOR_3(Where, return select(nonzero(a), b, c);)
HEARTH_FUNCTOR_3(Lerp, return select(abs(c) < V(0.5), a + c * (b - a), b - (b - a) * (V(1) - c));)
HEARTH_FUNCTOR_4(Addcmul, return a + d * b * c;)
HEARTH_FUNCTOR_4(Addcdiv, return a + d * b / c;)
HEARTH_FUNCTOR_4(NanToNum, return select(isnan(a), b,
                                         select(a == V(__builtin_inf()), c, select(a == V(-__builtin_inf()), d, a)));)

// ---- comparison, logic, bits
HEARTH_FUNCTOR_2(Eq, return ones(a == b);)
HEARTH_FUNCTOR_2(Ne, return ones(a != b);)
HEARTH_FUNCTOR_2(Lt, return ones(a < b);)
HEARTH_FUNCTOR_2(Le, return ones(a <= b);)
HEARTH_FUNCTOR_2(Gt, return ones(a > b);)
HEARTH_FUNCTOR_2(Ge, return ones(a >= b);)
HEARTH_FUNCTOR_2(LogicalAnd, return ones(nonzero(a) & nonzero(b));)
HEARTH_FUNCTOR_2(LogicalOr, return ones(nonzero(a) | nonzero(b));)
HEARTH_FUNCTOR_2(LogicalXor, return ones(nonzero(a) ^ nonzero(b));)
HEARTH_FUNCTOR_1(LogicalNot, return ones(x == V(0));)
HEARTH_FUNCTOR_1(IsNan, return ones(isnan(x));)
HEARTH_FUNCTOR_1(IsInf, return ones(abs(x) == V(__builtin_inf()));)
HEARTH_FUNCTOR_1(IsFinite, return ones(abs(x) < V(__builtin_inf()));)
HEARTH_FUNCTOR_2(BitwiseAnd, return a & b;)
HEARTH_FUNCTOR_2(BitwiseOr, return a | b;)
HEARTH_FUNCTOR_2(BitwiseXor, return a ^ b;)
HEARTH_FUNCTOR_1(BitwiseNot, return x ^ V(-1);)
HEARTH_FUNCTOR_2(ShiftLeft, return V::each(a, b, [](int64_t p, int64_t q) {
                   return q < 0 || q > 63 ? int64_t{0} : static_cast<int64_t>(static_cast<uint64_t>(p) << q);
                 });)
HEARTH_FUNCTOR_2(ShiftRight,
                 return V::each(a, b, [](int64_t p, int64_t q) { return p >> (q < 0 || q > 63 ? 63 : q); });)

// ---- exponentials and trigonometry
HEARTH_FUNCTOR_1(Exp, return exp(x);)
HEARTH_FUNCTOR_1(Exp2, return exp2(x);)
HEARTH_FUNCTOR_1(Expm1, return expm1(x);)
HEARTH_FUNCTOR_1(Log, return log(x);)
HEARTH_FUNCTOR_1(Log2, return log2(x);)
HEARTH_FUNCTOR_1(Log10, return log10(x);)
HEARTH_FUNCTOR_1(Log1p, return log1p(x);)
HEARTH_FUNCTOR_1(Sin, return sin(x);)
HEARTH_FUNCTOR_1(Cos, return cos(x);)
HEARTH_FUNCTOR_1(Tan, return tan(x);)
HEARTH_FUNCTOR_1(Asin, return asin(x);)
HEARTH_FUNCTOR_1(Acos, return acos(x);)
HEARTH_FUNCTOR_1(Atan, return atan(x);)
HEARTH_FUNCTOR_1(Sinh, return sinh(x);)
HEARTH_FUNCTOR_1(Cosh, return cosh(x);)
HEARTH_FUNCTOR_1(Tanh, return tanh(x);)
HEARTH_FUNCTOR_1(Asinh, return asinh(x);)
HEARTH_FUNCTOR_1(Acosh, return acosh(x);)
HEARTH_FUNCTOR_1(Atanh, return atanh(x);)
HEARTH_FUNCTOR_1(Erf, return erf(x);)
HEARTH_FUNCTOR_1(Erfc, return erfc(x);)
HEARTH_FUNCTOR_1(Erfinv, return erfinv(x);)
HEARTH_FUNCTOR_2(Atan2, return atan2(a, b);)
HEARTH_FUNCTOR_2(Xlogy, return select(isnan(b), b, select(a == V(0), V(0), a* log(b)));)

// ---- special functions
HEARTH_FUNCTOR_1(Lgamma, return lgamma(x);)
HEARTH_FUNCTOR_1(Digamma, return digamma(x);)
HEARTH_FUNCTOR_2(Polygamma, return polygamma(a, b);)
HEARTH_FUNCTOR_2(Zeta, return zeta(a, b);)
HEARTH_FUNCTOR_1(I0, return i0(x);)
HEARTH_FUNCTOR_1(I0e, return i0e(x);)
HEARTH_FUNCTOR_1(I1, return i1(x);)
HEARTH_FUNCTOR_1(I1e, return i1e(x);)
HEARTH_FUNCTOR_2(Hypot, return hypot(a, b);)
HEARTH_FUNCTOR_2(Gcd, return gcd(a, b);)
HEARTH_FUNCTOR_2(Gammainc, return gammainc(a, b);)
HEARTH_FUNCTOR_2(Gammaincc, return gammaincc(a, b);)
HEARTH_FUNCTOR_1(Erfcx, return erfcx(x);)
HEARTH_FUNCTOR_1(LogNdtr, return log_ndtr(x);)
HEARTH_FUNCTOR_1(Ndtri, return ndtri(x);)

// ---- activations. x log(1 + e^x)-like forms are arranged so that neither end overflows.
HEARTH_FUNCTOR_1(Sigmoid, return sigmoid(x);)
HEARTH_FUNCTOR_1(Relu, return max(x, V(0));)
HEARTH_FUNCTOR_1(Silu, return x * sigmoid(x);)
HEARTH_FUNCTOR_1(Gelu, return V(0.5) * x * (V(1) + erf(x * V(0.70710678118654752440)));)
HEARTH_FUNCTOR_1(GeluTanh, const V u = V(0.79788456080286535588) * (x + V(0.044715) * x * x * x);
                 return V(0.5) * x * (V(1) + tanh(u));)
HEARTH_FUNCTOR_1(LogSigmoid, return min(x, V(0)) - log1p(exp(-abs(x)));)
HEARTH_FUNCTOR_1(Mish, return x * tanh(max(x, V(0)) + log1p(exp(-abs(x))));)
HEARTH_FUNCTOR_1(Hardswish, return x * (min(max(x + V(3), V(0)), V(6)) / V(6));)
HEARTH_FUNCTOR_1(Hardsigmoid, return min(max(x + V(3), V(0)), V(6)) / V(6);)
HEARTH_FUNCTOR_2(LeakyRelu, return select(a > V(0), a, a* b);)
HEARTH_FUNCTOR_2(Elu, return select(a > V(0), a, b* expm1(a));)
HEARTH_FUNCTOR_3(Softplus, const V t = a * b; return select(t > c, a, (max(t, V(0)) + log1p(exp(-abs(t)))) / b);)
// Gradients that would otherwise take several passes: a is the incoming gradient.
HEARTH_FUNCTOR_2(ReluGrad, return select(b <= V(0), V(0), a);)
HEARTH_FUNCTOR_2(SigmoidGrad, return a * b * (V(1) - b);)
HEARTH_FUNCTOR_2(TanhGrad, return a * (V(1) - b * b);)
HEARTH_FUNCTOR_2(SiluGrad, const V s = sigmoid(b); return a * s * (V(1) + b * (V(1) - s));)
HEARTH_FUNCTOR_2(GeluGrad, const V p = V(0.5) * (V(1) + erf(b * V(0.70710678118654752440)));
                 return a * (p + b * V(0.39894228040143267794) * exp(V(-0.5) * b * b));)
// Beyond 20 the slope is 0 or 1 in every dtype; the bound keeps the powers finite.
HEARTH_FUNCTOR_2(GeluTanhGrad, const V x = min(max(b, V(-20)), V(20)), s = x * x;
                 const V t = tanh(V(0.79788456080286535588) * (x + V(0.044715) * s * x));
                 return a * (V(0.5) * (V(1) + t) +
                             V(0.39894228040143267794) * x * (V(1) - t * t) * (V(1) + V(0.134145) * s));)

#undef HEARTH_FUNCTOR_1
#undef HEARTH_FUNCTOR_2
#undef HEARTH_FUNCTOR_3
#undef HEARTH_FUNCTOR_4
