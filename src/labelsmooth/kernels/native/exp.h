// log(1 + x), and exp(d + tail) for d ≤ 0: 2^n·P(r), r = d − n·log 2 in two parts; 0 below the least normal number.
#pragma once

#include "vectors.h"

namespace {

template <int M>
LS_INLINE void exp_of(const vec<float>* d, const vec<float>* tail, vec<float>* out) {
    const float magic = 12582912.0f;  // 1.5·2^23: adding it rounds to a whole number, which its last bits then hold
    const vec<float> low = same<float>(-87.0f);
    vec<float> at[M], shifted[M], n[M], r[M], p[M];
    LS_EACH(j, M) at[j] = d[j] > low ? d[j] : low;
    LS_EACH(j, M) shifted[j] = at[j] * 1.44269504088896341f + magic;
    LS_EACH(j, M) n[j] = shifted[j] - magic;
    LS_EACH(j, M) r[j] = at[j] - n[j] * 0.693359375f;
    LS_EACH(j, M) n[j] = n[j] * 2.12194440e-4f + tail[j];
    LS_EACH(j, M) r[j] = r[j] + n[j];
    LS_EACH(j, M) p[j] = r[j] * 1.3814467e-3f + 8.3687806e-3f;
    LS_EACH(j, M) p[j] = p[j] * r[j] + 4.16683942e-2f;
    LS_EACH(j, M) p[j] = p[j] * r[j] + 1.6666520e-1f;
    LS_EACH(j, M) p[j] = p[j] * r[j] + 4.99999934e-1f;
    LS_EACH(j, M) p[j] = p[j] * (r[j] * r[j]) + r[j];
    LS_EACH(j, M) n[j] = (vec<float>)(((whole<float>)shifted[j] << 23) + 0x3f800000);
    LS_EACH(j, M) p[j] = (p[j] + 1.0f) * n[j];
    LS_EACH(j, M) out[j] = d[j] > low ? p[j] : vec<float>{};
}

template <int M>
LS_INLINE void exp_of(const vec<double>* d, const vec<double>* tail, vec<double>* out) {
    const double magic = 6755399441055744.0;  // 1.5·2^52
    const vec<double> low = same<double>(-708.0);
    constexpr double terms[] = {1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
                                1.0 / 720,      1.0 / 120,     1.0 / 24,     1.0 / 6,     0.5};
    vec<double> at[M], shifted[M], n[M], r[M], p[M];
    LS_EACH(j, M) at[j] = d[j] > low ? d[j] : low;
    LS_EACH(j, M) shifted[j] = at[j] * 1.4426950408889634 + magic;
    LS_EACH(j, M) n[j] = shifted[j] - magic;
    LS_EACH(j, M) r[j] = at[j] - n[j] * 6.93145751953125e-1;
    LS_EACH(j, M) r[j] = r[j] - (n[j] * 1.42860682030941723e-6 - tail[j]);
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
