#include "core/io/crc32c.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace hearth::io {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie");

constexpr uint32_t kPolynomial = 0x82F63B78u;

// [k][b]: the checksum's change by the byte b and k zeros after it.
constexpr std::array<std::array<uint32_t, 256>, 8> kTables = [] {
  std::array<std::array<uint32_t, 256>, 8> t{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = c >> 1 ^ (c & 1 ? kPolynomial : 0u);
    t[0][i] = c;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t i = 0; i < 256; ++i) t[k][i] = t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 0xff];
  }
  return t;
}();

uint64_t word(const char* p) {
  uint64_t w;
  std::memcpy(&w, p, 8);
  return w;
}

uint32_t extend_byte(uint32_t c, char b) { return c >> 8 ^ kTables[0][(c ^ static_cast<uint8_t>(b)) & 0xff]; }

// Eight bytes at a time.
uint32_t extend_by_tables(uint32_t c, const char* p, size_t n) {
  for (; n >= 8; p += 8, n -= 8) {
    const uint64_t w = word(p) ^ c;
    c = 0;
    for (size_t k = 0; k < 8; ++k) c ^= kTables[7 - k][w >> 8 * k & 0xff];
  }
  for (; n > 0; ++p, --n) c = extend_byte(c, *p);
  return c;
}

#if defined(__x86_64__)

// The instruction gives its result three cycles later and can be started in each of them: three stretches are read at
// once. That of a stretch which others follow is moved along by as many zeros, which is linear in its 32 bits.
constexpr size_t kStretch = 4096;

using Matrix = std::array<uint32_t, 32>;  // the image of each bit
constexpr uint32_t apply(const Matrix& m, uint32_t v) {
  uint32_t out = 0;
  for (size_t bit = 0; bit < 32; ++bit) out ^= v >> bit & 1 ? m[bit] : 0;
  return out;
}

constexpr std::array<std::array<uint32_t, 256>, 4> kMove = [] {
  Matrix m{};  // of one zero byte, and then of twice as many in each round
  for (size_t bit = 0; bit < 32; ++bit) {
    uint32_t c = 1u << bit;
    for (int k = 0; k < 8; ++k) c = c >> 1 ^ (c & 1 ? kPolynomial : 0u);
    m[bit] = c;
  }
  for (size_t zeros = 1; zeros < kStretch; zeros *= 2) {
    Matrix twice{};
    for (size_t bit = 0; bit < 32; ++bit) twice[bit] = apply(m, m[bit]);
    m = twice;
  }
  std::array<std::array<uint32_t, 256>, 4> t{};
  for (uint32_t k = 0; k < 4; ++k) {
    for (uint32_t b = 0; b < 256; ++b) t[k][b] = apply(m, b << 8 * k);
  }
  return t;
}();

uint32_t move(uint32_t c) {
  return kMove[0][c & 0xff] ^ kMove[1][c >> 8 & 0xff] ^ kMove[2][c >> 16 & 0xff] ^ kMove[3][c >> 24];
}

[[gnu::target("sse4.2")]] uint32_t extend_by_instruction(uint32_t start, const char* p, size_t n) {
  uint64_t c = start;
  for (; n >= 3 * kStretch; p += 3 * kStretch, n -= 3 * kStretch) {
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < kStretch; i += 8) {
      c = _mm_crc32_u64(c, word(p + i));
      second = _mm_crc32_u64(second, word(p + kStretch + i));
      third = _mm_crc32_u64(third, word(p + 2 * kStretch + i));
    }
    c = move(move(static_cast<uint32_t>(c)) ^ static_cast<uint32_t>(second)) ^ static_cast<uint32_t>(third);
  }
  for (; n >= 8; p += 8, n -= 8) c = _mm_crc32_u64(c, word(p));
  auto last = static_cast<uint32_t>(c);
  for (; n > 0; ++p, --n) last = extend_byte(last, *p);
  return last;
}

#endif

}  // namespace

uint32_t detail::crc32c_by_tables(std::string_view bytes) { return ~extend_by_tables(~0u, bytes.data(), bytes.size()); }

uint32_t crc32c(std::string_view bytes) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction) return ~extend_by_instruction(~0u, bytes.data(), bytes.size());
#endif
  return detail::crc32c_by_tables(bytes);
}

uint32_t masked_crc32c(std::string_view bytes) {
  const uint32_t c = crc32c(bytes);
  return (c >> 15 | c << 17) + 0xa282ead8u;
}

}  // namespace hearth::io
