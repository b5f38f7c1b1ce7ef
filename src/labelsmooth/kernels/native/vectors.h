// Vectors as wide as the instruction set, loads and stores of every dtype.
#pragma once

#include "numbers.h"
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(LS_BYTES)  // wider than the machine's: the compiler takes several registers for a vector
#elif defined(__AVX512F__)
#define LS_BYTES 64
#elif defined(__AVX2__)
#define LS_BYTES 32
#else
#define LS_BYTES 16
#endif
// Several vectors side by side: each waits for its own last step while the others go on.
#define LS_EACH(j, M) _Pragma("GCC unroll 16") for (int j = 0; j < M; j++)

namespace {

template <class C>
struct Vector;
template <>
struct Vector<float> {
    typedef float type __attribute__((vector_size(LS_BYTES)));
    typedef int32_t whole __attribute__((vector_size(LS_BYTES)));
    static constexpr int width = LS_BYTES / 4;
};
template <>
struct Vector<double> {
    typedef double type __attribute__((vector_size(LS_BYTES)));
    typedef int64_t whole __attribute__((vector_size(LS_BYTES)));
    static constexpr int width = LS_BYTES / 8;
};
template <class C>
using vec = typename Vector<C>::type;
template <class C>
using whole = typename Vector<C>::whole;
typedef float vhalf __attribute__((vector_size(LS_BYTES / 2)));  // as many floats as a vector has doubles
typedef uint16_t vshort __attribute__((vector_size(LS_BYTES / 2)));

template <class C>
LS_INLINE vec<C> same(C x) {
    return vec<C>{} + x;
}

template <class C>
LS_INLINE vec<C> larger(vec<C> a, vec<C> b) {
    return a > b ? a : b;
}

template <class C>
LS_INLINE vec<C> smaller(vec<C> a, vec<C> b) {
    return a < b ? a : b;
}

#if defined(__AVX512F__) || (defined(__FMA__) && LS_BYTES <= 32) || (defined(__aarch64__) && LS_BYTES == 16)
#define LS_FUSED 1
#else
#define LS_FUSED 0
#endif

// a − b·c, rounded once where LS_FUSED says so, whatever the compiler is told of contractions.
LS_INLINE vec<float> less_product(vec<float> a, vec<float> b, float c) {
#if defined(__AVX512F__)
    return (vec<float>)_mm512_fnmadd_ps((__m512)b, _mm512_set1_ps(c), (__m512)a);
#elif defined(__FMA__) && LS_BYTES == 32
    return (vec<float>)_mm256_fnmadd_ps((__m256)b, _mm256_set1_ps(c), (__m256)a);
#elif defined(__FMA__) && LS_BYTES == 16
    return (vec<float>)_mm_fnmadd_ps((__m128)b, _mm_set1_ps(c), (__m128)a);
#elif LS_FUSED
    return (vec<float>)vfmsq_n_f32((float32x4_t)a, (float32x4_t)b, c);
#else
    return a - b * c;
#endif
}

template <class C>
LS_INLINE vec<C> absolute(vec<C> x) {
    return (vec<C>)((whole<C>)x & ~(whole<C>)-vec<C>{});  // but for the sign's bit
}

LS_INLINE vec<double> widened(vhalf x) {
#if defined(__AVX512F__)
    return (vec<double>)_mm512_cvtps_pd((__m256)x);
#elif defined(__AVX2__) && LS_BYTES == 32
    return (vec<double>)_mm256_cvtps_pd((__m128)x);  // the compiler's own conversion goes by way of memory
#else
    return __builtin_convertvector(x, vec<double>);
#endif
}

// A half of the lanes, or all of them.
LS_INLINE vec<double> widened(vec<double> x, int) { return x; }
LS_INLINE vec<double> widened(vec<float> x, int half) {
    vhalf halves[2];
    memcpy(halves, &x, sizeof x);
    return widened(halves[half]);
}

template <class C, class In>
struct Port {  // any dtype to any width, number by number
    LS_INLINE vec<C> load(const In* p) {
        vec<C> x;
        for (int i = 0; i < Vector<C>::width; i++) x[i] = C(number(p[i]));
        return x;
    }
    LS_INLINE void store(In* p, vec<C> x) {
        for (int i = 0; i < Vector<C>::width; i++) put(p + i, x[i]);
    }
};

template <class C>
struct Port<C, C> {
    LS_INLINE vec<C> load(const C* p) {
        vec<C> x;
        memcpy(&x, p, sizeof x);
        return x;
    }
    LS_INLINE void store(C* p, vec<C> x) { memcpy(p, &x, sizeof x); }
};

template <>
struct Port<double, float> {
    LS_INLINE vec<double> load(const float* p) {
        vhalf x;
        memcpy(&x, p, sizeof x);
        return widened(x);
    }
    LS_INLINE void store(float* p, vec<double> x) {
        const vhalf y = __builtin_convertvector(x, vhalf);
        memcpy(p, &y, sizeof y);
    }
};

template <>
struct Port<float, double> {
    LS_INLINE vec<float> load(const double* p) {
        vec<double> low, high;
        memcpy(&low, p, sizeof low);
        memcpy(&high, p + Vector<double>::width, sizeof high);
        const vhalf halves[2] = {__builtin_convertvector(low, vhalf), __builtin_convertvector(high, vhalf)};
        vec<float> x;
        memcpy(&x, halves, sizeof x);
        return x;
    }
};

template <>
struct Port<float, bf16> {
    LS_INLINE vec<float> load(const bf16* p) {
        vshort x;
        memcpy(&x, p, sizeof x);
        return (vec<float>)(__builtin_convertvector(x, whole<float>) << 16);
    }
    LS_INLINE void store(bf16* p, vec<float> x) {
        typedef uint32_t bits_type __attribute__((vector_size(LS_BYTES)));
        const bits_type bits = (bits_type)x;
        const bits_type rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16, quiet = (bits >> 16) | 0x40;
        const vshort y = __builtin_convertvector(x != x ? quiet : rounded, vshort);
        memcpy(p, &y, sizeof y);
    }
};

#if defined(__AVX512F__) || (defined(__F16C__) && LS_BYTES == 32)
template <>
struct Port<float, f16> {
    LS_INLINE vec<float> load(const f16* p) {
#if defined(__AVX512F__)
        return (vec<float>)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p));
#else
        return (vec<float>)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p));
#endif
    }
    LS_INLINE void store(f16* p, vec<float> x) {
#if defined(__AVX512F__)
        _mm256_storeu_si256((__m256i*)p, _mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT));
#else
        _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT));
#endif
    }
};
#endif

// To aligned memory, past the cache.
template <class V>
LS_INLINE void past_cache(void* p, V x) {
#if defined(__AVX512F__)
    _mm512_stream_si512((__m512i*)p, (__m512i)x);
#elif defined(__AVX2__) && LS_BYTES == 32
    _mm256_stream_si256((__m256i*)p, (__m256i)x);
#elif defined(__x86_64__)
    __m128i parts[sizeof(V) / 16];
    memcpy(parts, &x, sizeof x);
    for (unsigned i = 0; i < sizeof(V) / 16; i++) _mm_stream_si128((__m128i*)p + i, parts[i]);
#else
    memcpy(p, &x, sizeof x);
#endif
}

// Stores what is no NaN; past the cache too, where that has been seen to pay.
template <class C, class In>
struct Number : Port<C, In> {
    static constexpr bool streams = false;
};
template <>
struct Number<float, float> : Port<float, float> {
    static constexpr bool streams = true;
    LS_INLINE void stream(float* p, vec<float> x) { past_cache(p, x); }
};
template <>
struct Number<float, bf16> {
    static constexpr bool streams = false;
    LS_INLINE void store(bf16* p, vec<float> x) {
        typedef uint32_t bits_type __attribute__((vector_size(LS_BYTES)));
        const bits_type bits = (bits_type)x, rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
#if defined(__AVX2__) && LS_BYTES == 32
        const __m128i low = _mm256_castsi256_si128((__m256i)rounded), high = _mm256_extracti128_si256((__m256i)rounded, 1);
        const vshort y = (vshort)_mm_packus_epi32(low, high);
#else
        const vshort y = __builtin_convertvector(rounded, vshort);
#endif
        memcpy(p, &y, sizeof y);
    }
};

// Before another thread may read what went past the cache.
LS_INLINE void settle_stores() {
#if defined(__x86_64__)
    _mm_sfence();
#endif
}

// The first n lanes from p, `fill` in the others.
template <class C, class In>
LS_INLINE vec<C> load_some(const In* p, int n, C fill) {
    vec<C> x = same<C>(fill);
    for (int i = 0; i < n; i++) x[i] = C(number(p[i]));
    return x;
}

// Where the vector at k starts when it must end at K: what overlaps has been looked at before.
template <class C>
LS_INLINE int64_t last_start(int64_t k, int64_t K) {
    constexpr int W = Vector<C>::width;
    return k + W <= K || K < W ? k : K - W;
}

template <class C, class In>
LS_INLINE vec<C> load_last(const In* p, int64_t k, int64_t K, C fill) {
    return K < Vector<C>::width ? load_some<C, In>(p, int(K), fill) : Port<C, In>::load(p + last_start<C>(k, K));
}

template <class C>
struct Steps {  // a 0 for each lane, then a 1
    C lane[2 * Vector<C>::width];
    constexpr Steps() : lane() {
        for (int i = 0; i < Vector<C>::width; i++) lane[Vector<C>::width + i] = 1;
    }
};

// 1 in lanes first … last − 1, 0 in the others.
template <class C>
LS_INLINE vec<C> from_lane(int first, int last) {
    static constexpr Steps<C> steps;
    constexpr int W = Vector<C>::width;
    return Port<C, C>::load(steps.lane + W - first) * (C(1) - Port<C, C>::load(steps.lane + W - (last < W ? last : W)));
}

template <class C, class In>
LS_INLINE void store_some(In* p, vec<C> x, int n) {
    In some[Vector<C>::width];
    Port<C, In>::store(some, x);
    memcpy(p, some, size_t(n) * sizeof(In));
}

template <class C>
LS_INLINE double sum_of(vec<C> x) {
    double sum = 0;
    for (int i = 0; i < Vector<C>::width; i++) sum += x[i];
    return sum;
}

template <class C>
LS_INLINE C largest_of(vec<C> x) {
    C most = x[0];
    for (int i = 1; i < Vector<C>::width; i++) most = x[i] > most ? x[i] : most;
    return most;
}

template <class M>
LS_INLINE bool any_of(M mask) {
    uint64_t words[sizeof(M) / 8], any = 0;
    memcpy(words, &mask, sizeof mask);
    for (unsigned i = 0; i < sizeof(M) / 8; i++) any |= words[i];
    return any != 0;
}

}  // namespace
