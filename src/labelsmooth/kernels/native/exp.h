// exp and log(1 + x).
#pragma once

#include "vectors.h"

namespace {

// log 2 as n·log 2 is subtracted: at once where that is rounded once, else in two parts, of which the first is exact.
#if LS_FUSED
constexpr float LOG_2 = 0.693147180559945309f, LOG_2_MORE = 0;
#else
constexpr float LOG_2 = 0.693359375f, LOG_2_MORE = -2.12194440e-4f;
#endif

// exp(z)·2^−n₀ for z up to about n₀·log 2, with `magic` = 1.5·2^23 + 127 − n₀: adding it rounds to a whole number, which its
// last bits then hold, as a float's exponent is written. 0 from `low` = (n₀ − 127)·log 2 down.
template <int M>
LS_INLINE void exp_of(const vec<float>* z, vec<float> magic, vec<float> low, vec<float>* out) {
    vec<float> at[M], shifted[M], n[M], r[M], p[M], power[M];
    LS_EACH(j, M) at[j] = larger<float>(low, z[j]);
    LS_EACH(j, M) shifted[j] = at[j] * 1.44269504088896341f + magic;
    LS_EACH(j, M) n[j] = shifted[j] - magic;
    LS_EACH(j, M) r[j] = less_product(at[j], n[j], LOG_2);
    if (LOG_2_MORE != 0) {
        LS_EACH(j, M) r[j] = less_product(r[j], n[j], LOG_2_MORE);
    }
    LS_EACH(j, M) p[j] = r[j] * 1.3814467e-3f + 8.3687806e-3f;
    LS_EACH(j, M) p[j] = p[j] * r[j] + 4.16683942e-2f;
    LS_EACH(j, M) p[j] = p[j] * r[j] + 1.6666520e-1f;
    LS_EACH(j, M) p[j] = p[j] * r[j] + 4.99999934e-1f;
    LS_EACH(j, M) p[j] = p[j] * (r[j] * r[j]) + r[j];
    LS_EACH(j, M) power[j] = (vec<float>)((whole<float>)shifted[j] << 23);
    LS_EACH(j, M) out[j] = p[j] * power[j] + power[j];
}

// exp(d) for d ≤ 0: 2^n·P(r), r = d − n·log 2 in two parts; 0 below the least normal number.
template <int M>
LS_INLINE void exp_of(const vec<double>* d, vec<double>* out) {
    const double magic = 6755399441055744.0;  // 1.5·2^52
    const vec<double> low = same<double>(-708.0);
    constexpr double terms[] = {1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
                                1.0 / 720,      1.0 / 120,     1.0 / 24,     1.0 / 6,     0.5};
    vec<double> at[M], shifted[M], n[M], r[M], p[M];
    LS_EACH(j, M) at[j] = d[j] > low ? d[j] : low;
    LS_EACH(j, M) shifted[j] = at[j] * 1.4426950408889634 + magic;
    LS_EACH(j, M) n[j] = shifted[j] - magic;
    LS_EACH(j, M) r[j] = at[j] - n[j] * 6.93145751953125e-1;
    LS_EACH(j, M) r[j] = r[j] - n[j] * 1.42860682030941723e-6;
    LS_EACH(j, M) p[j] = same<double>(1.0 / 479001600);
    LS_EACH(i, 10) {
        LS_EACH(j, M) p[j] = p[j] * r[j] + terms[i];
    }
    LS_EACH(j, M) p[j] = p[j] * (r[j] * r[j]) + r[j];
    LS_EACH(j, M) n[j] = (vec<double>)(((whole<double>)shifted[j] << 52) + 0x3ff0000000000000);
    LS_EACH(j, M) p[j] = (p[j] + 1.0) * n[j];
    LS_EACH(j, M) out[j] = d[j] > low ? p[j] : vec<double>{};
}

// log(1 + x) for x ≥ 0, to a few units in the last place: 2^n·m with m near 1, and the series of artanh.
LS_INLINE vec<double> log1p_of(vec<double> x) {
    const vec<double> u = x + 1.0, dropped = x - (u - 1.0);
    whole<double> bits = (whole<double>)u, n = (bits + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd)) >> 52;
    n -= 0x3ff;
    const vec<double> m = (vec<double>)(bits - (n << 52)), count = __builtin_convertvector(n, vec<double>);
    const vec<double> s = (m - 1.0) / (m + 1.0), w = s * s;
    vec<double> p = same<double>(1.0 / 23);
    for (int k = 21; k >= 3; k -= 2) p = p * w + 1.0 / k;
    const vec<double> tail = s * w * p + dropped / u * 0.5;
    return count * 6.93147180369123816490e-1 + (2.0 * s + (2.0 * tail + count * 1.90821492927058770002e-10));
}

}  // namespace
