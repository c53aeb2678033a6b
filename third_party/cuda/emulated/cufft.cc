#include "cufft.h"

#include <complex>
#include <mutex>
#include <numbers>
#include <vector>

#include "internal.h"

using namespace cuda_emulated;

namespace {

constexpr size_t kWork = 4096;

struct Plan {
  std::vector<int64_t> n;
  int64_t batch = 0;
  cufftType type = CUFFT_C2C;
  bool own_work = false;
  void* work = nullptr;
  cudaStream_t stream = nullptr;
};
std::mutex mutex;
std::vector<Plan>& plans() {
  static auto& all = *new std::vector<Plan>;
  return all;
}
template <class F>
cufftResult with(cufftHandle h, F f) {
  const std::lock_guard lock(mutex);
  if (h < 0 || static_cast<size_t>(h) >= plans().size()) return CUFFT_INVALID_PLAN;
  return f(plans()[static_cast<size_t>(h)]);
}

using Numbers = std::vector<std::complex<double>>;

// Along every dimension of an array of shape n; `sign` is the exponent's.
void transform(Numbers& z, const std::vector<int64_t>& n, int sign) {
  size_t inner = 1;
  for (size_t d = n.size(); d-- > 0;) {
    const auto size = static_cast<size_t>(n[d]);
    Numbers roots(size), line(size);
    for (size_t k = 0; k < size; ++k)
      roots[k] = std::polar(1.0, sign * 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(size));
    for (size_t outer = 0; outer < z.size(); outer += inner * size) {
      for (size_t first = outer; first < outer + inner; ++first) {
        for (size_t k = 0; k < size; ++k) line[k] = z[first + k * inner];
        for (size_t k = 0; k < size; ++k) {
          std::complex<double> sum = 0;
          for (size_t j = 0; j < size; ++j) sum += line[j] * roots[j * k % size];
          z[first + k * inner] = sum;
        }
      }
    }
    inner *= size;
  }
}

// What ThreadSanitizer is to know of the arrays of a transform: f itself runs on the stack of whoever waits.
template <class In, class Out>
void note_accesses(In* in, int64_t read, Out* out, int64_t written) {
  __tsan_read_range(in, static_cast<size_t>(read) * sizeof(In));
  __tsan_write_range(out, static_cast<size_t>(written) * sizeof(Out));
}

// Puts f(plan) into the plan's stream. As a library would, it overwrites a part of the work area.
template <class F>
cufftResult start(cufftHandle h, cufftType type, F f) {
  return with(h, [&](const Plan& p) {
    if (p.type != type || (p.own_work && !p.work)) return CUFFT_INVALID_PLAN;
    enqueue(p.stream, [p, f] {
      if (p.work) spoil(static_cast<char*>(p.work), kWork);
      f(p);
    });
    return CUFFT_SUCCESS;
  });
}

template <class C>
cufftResult complex_to_complex(cufftHandle h, cufftType type, C* in, C* out, int direction) {
  return start(h, type, [=](const Plan& p) {
    int64_t size = 1;
    for (int64_t n : p.n) size *= n;
    note_accesses(in, p.batch * size, out, p.batch * size);
    Numbers z(static_cast<size_t>(size));
    for (int64_t b = 0; b < p.batch; ++b) {
      for (int64_t i = 0; i < size; ++i) z[static_cast<size_t>(i)] = {in[b * size + i].x, in[b * size + i].y};
      transform(z, p.n, direction);
      for (int64_t i = 0; i < size; ++i) {
        const std::complex<double> v = z[static_cast<size_t>(i)];
        out[b * size + i] = {static_cast<decltype(C::x)>(v.real()), static_cast<decltype(C::x)>(v.imag())};
      }
    }
  });
}
template <class R, class C>
cufftResult real_to_complex(cufftHandle h, cufftType type, R* in, C* out) {
  return start(h, type, [=](const Plan& p) {
    const int64_t n = p.n[0], half = n / 2 + 1;
    note_accesses(in, p.batch * n, out, p.batch * half);
    Numbers z(static_cast<size_t>(n));
    for (int64_t b = 0; b < p.batch; ++b) {
      for (int64_t i = 0; i < n; ++i) z[static_cast<size_t>(i)] = in[b * n + i];
      transform(z, p.n, CUFFT_FORWARD);
      for (int64_t i = 0; i < half; ++i) {
        const std::complex<double> v = z[static_cast<size_t>(i)];
        out[b * half + i] = {static_cast<R>(v.real()), static_cast<R>(v.imag())};
      }
    }
  });
}
// The operand is overwritten, as the library may do.
template <class R, class C>
cufftResult complex_to_real(cufftHandle h, cufftType type, C* in, R* out) {
  return start(h, type, [=](const Plan& p) {
    const int64_t n = p.n[0], half = n / 2 + 1;
    note_accesses(in, p.batch * half, out, p.batch * n);
    Numbers z(static_cast<size_t>(n));
    for (int64_t b = 0; b < p.batch; ++b) {
      for (int64_t i = 0; i < n; ++i) {
        const C v = in[b * half + (i < half ? i : n - i)];
        z[static_cast<size_t>(i)] = {v.x, i < half ? v.y : -v.y};
      }
      // What is asked of other numbers is not said: the ends of a transform of real numbers are real.
      if (z[0].imag() != 0 || (n % 2 == 0 && z[static_cast<size_t>(n / 2)].imag() != 0))
        fail("cufftExecC2R: the ends of the operand are not real");
      spoil(reinterpret_cast<char*>(in + b * half), static_cast<size_t>(half) * sizeof(C));
      transform(z, p.n, CUFFT_INVERSE);
      for (int64_t i = 0; i < n; ++i) out[b * n + i] = static_cast<R>(z[static_cast<size_t>(i)].real());
    }
  });
}

}  // namespace

cufftResult cufftCreate(cufftHandle* plan) {
  const std::lock_guard lock(mutex);
  *plan = static_cast<cufftHandle>(plans().size());
  plans().emplace_back();
  return CUFFT_SUCCESS;
}
cufftResult cufftDestroy(cufftHandle plan) {
  return with(plan, [](Plan& p) {
    p = {};
    return CUFFT_SUCCESS;
  });
}
cufftResult cufftSetAutoAllocation(cufftHandle plan, int allocate) {
  return with(plan, [&](Plan& p) {
    p.own_work = !allocate;
    return CUFFT_SUCCESS;
  });
}
cufftResult cufftMakePlanMany64(cufftHandle plan, int rank, long long* n, long long* in_embed, long long, long long,
                                long long* out_embed, long long, long long, cufftType type, long long batch,
                                size_t* work_bytes) {
  if (rank < 1 || rank > 3 || batch < 1) return CUFFT_INVALID_SIZE;
  const bool complex = type == CUFFT_C2C || type == CUFFT_Z2Z;
  // What is not emulated: arrays with gaps, real numbers in several dimensions.
  if (in_embed || out_embed || (!complex && rank > 1)) return CUFFT_INVALID_VALUE;
  return with(plan, [&](Plan& p) {
    for (int d = 0; d < rank; ++d) {
      if (n[d] < 1) return CUFFT_INVALID_SIZE;
      p.n.push_back(n[d]);
    }
    p.batch = batch;
    p.type = type;
    *work_bytes = kWork;
    return CUFFT_SUCCESS;
  });
}
cufftResult cufftSetStream(cufftHandle plan, cudaStream_t stream) {
  return with(plan, [&](Plan& p) {
    p.stream = stream;
    return CUFFT_SUCCESS;
  });
}
cufftResult cufftSetWorkArea(cufftHandle plan, void* work) {
  return with(plan, [&](Plan& p) {
    p.work = work;
    return CUFFT_SUCCESS;
  });
}
cufftResult cufftExecC2C(cufftHandle plan, cufftComplex* in, cufftComplex* out, int direction) {
  return complex_to_complex(plan, CUFFT_C2C, in, out, direction);
}
cufftResult cufftExecZ2Z(cufftHandle plan, cufftDoubleComplex* in, cufftDoubleComplex* out, int direction) {
  return complex_to_complex(plan, CUFFT_Z2Z, in, out, direction);
}
cufftResult cufftExecR2C(cufftHandle plan, cufftReal* in, cufftComplex* out) {
  return real_to_complex(plan, CUFFT_R2C, in, out);
}
cufftResult cufftExecD2Z(cufftHandle plan, cufftDoubleReal* in, cufftDoubleComplex* out) {
  return real_to_complex(plan, CUFFT_D2Z, in, out);
}
cufftResult cufftExecC2R(cufftHandle plan, cufftComplex* in, cufftReal* out) {
  return complex_to_real(plan, CUFFT_C2R, in, out);
}
cufftResult cufftExecZ2D(cufftHandle plan, cufftDoubleComplex* in, cufftDoubleReal* out) {
  return complex_to_real(plan, CUFFT_Z2D, in, out);
}
