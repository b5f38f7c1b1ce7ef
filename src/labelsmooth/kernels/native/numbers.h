// One number of any dtype: to double, and from double rounded once.
//
// Everything is in an unnamed namespace and nothing of the C++ library is used: these headers are compiled once for each
// instruction set, and a function that the linker shared between them could run instructions that a machine lacks.
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LS_INLINE static inline __attribute__((always_inline))

namespace {

struct bf16 {
    uint16_t bits;
};
struct f16 {
    uint16_t bits;
};

LS_INLINE float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

LS_INLINE uint32_t to_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

LS_INLINE double number(double x) { return x; }
LS_INLINE double number(float x) { return x; }
LS_INLINE double number(bf16 x) { return from_bits(uint32_t(x.bits) << 16); }
LS_INLINE double number(f16 x) {
    const uint32_t sign = uint32_t(x.bits & 0x8000) << 16, rest = x.bits & 0x7fff;
    if (rest >= 0x7c00) return from_bits(sign | 0x7f800000 | (rest & 0x3ff) << 13);
    return from_bits(sign | to_bits(from_bits(rest << 13) * 0x1p112f));  // also right for subnormal numbers
}

// To a half type by way of `float`, from a double rounded to odd so that nothing is rounded twice.
LS_INLINE float odd_float(double x) {
    float y = float(x);
    if (double(y) != x && y - y == 0 && !(to_bits(y) & 1)) y = from_bits(to_bits(y) + ((fabs(double(y)) < fabs(x)) ? 1 : -1));
    return y;
}

LS_INLINE void put(double* p, double x) { *p = x; }
LS_INLINE void put(float* p, double x) { *p = float(x); }
LS_INLINE bf16 bf16_of(float x) {
    const uint32_t bits = to_bits(x);
    if (x != x) return {uint16_t((bits >> 16) | 0x40)};
    return {uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}
LS_INLINE void put(bf16* p, double x) { *p = bf16_of(odd_float(x)); }
LS_INLINE f16 f16_of(float x) {
    const uint32_t bits = to_bits(x), sign = (bits >> 16) & 0x8000, size = bits & 0x7fffffff;
    if (size > 0x7f800000) return {uint16_t(sign | 0x7e00)};
    if (size >= 0x477ff000) return {uint16_t(sign | 0x7c00)};
    if (size < 0x38800000) {  // subnormal: adding 0.5 rounds at 2^-24
        return {uint16_t(sign | (to_bits(from_bits(size) + 0.5f) - 0x3f000000))};
    }
    return {uint16_t(sign | ((size - 0x38000000 + 0xfff + ((size >> 13) & 1)) >> 13))};
}
LS_INLINE void put(f16* p, double x) { *p = f16_of(odd_float(x)); }

}  // namespace
