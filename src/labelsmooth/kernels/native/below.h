// exp of a row's logits, on a scale of the row's own.
#pragma once

#include "exp.h"

namespace {

// What is known of the largest logits, a lane each. In float, exp is taken of z itself: rounding z − max would cost the
// precision that the logits have.
template <class C>
struct Below;
template <>
struct Below<float> {
    static constexpr double reach = 1000;  // of the largest logit: beyond, a power of two is no longer split off exactly
    vec<float> top, whole_part, magic, low;
    explicit Below(vec<float> top) : top(top) {
        const float to_whole = 12582912.0f;  // 1.5·2^23
        whole_part = top * 1.44269504088896341f + to_whole;
        whole_part -= to_whole;
        magic = to_whole + 127.0f - whole_part;
        low = (whole_part - 127.0f) * 0.69314718055994531f;
    }
    template <int M>
    LS_INLINE void exps(const Below& b, const vec<float>* z, vec<float>* x) {
        exp_of<M>(z, b.magic, b.low, x);
    }
    // exp of the largest, found in double, of a half of the lanes.
    LS_INLINE vec<double> of_top(const Below& b, int half) {
        const vec<double> d = widened(b.top, half) - widened(b.whole_part, half) * (double(LOG_2) + double(LOG_2_MORE));
        vec<double> x;
        exp_of<1>(&d, &x);
        return x;
    }
};
template <>
struct Below<double> {
    static constexpr double reach = INFINITY;
    vec<double> top;
    explicit Below(vec<double> top) : top(top) {}
    template <int M>
    LS_INLINE void exps(const Below& b, const vec<double>* z, vec<double>* x) {
        vec<double> d[M];
        LS_EACH(j, M) d[j] = z[j] - b.top;
        exp_of<M>(d, x);
    }
    LS_INLINE vec<double> of_top(const Below&, int) { return same<double>(1); }
};

}  // namespace
