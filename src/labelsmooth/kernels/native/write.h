// The pass over a row that writes its gradient.
#pragma once

#include "sums.h"

namespace {

// q is `own` at the pivot, and each + scale·source[k] elsewhere; found only when the sum of the source is known.
struct Target {
    double mass, own, others, each, scale;  // m, q at the pivot, Σ q elsewhere
    bool fits;
};

struct Quality {
    double worst, largest;  // max of (error·p − |m·p − q|), max of |m·p − q|
};

// A number as a vector of `C`, and what that dropped of it.
template <class C>
struct Split {
    vec<C> high, low;
    Split() {}
    explicit Split(double x) : high(same<C>(C(x))), low(same<C>(C(x - double(C(x))))) {}
};

template <class In, class C, class S>
struct Writer {
    static constexpr int W = Vector<C>::width;
    const C* e;
    const S* source;
    In* g;
    Split<C> c, each, scale;
    vec<C> f, worst = {}, most = {};

    // The vector at k; what of it has been written before gets the same numbers.
    template <bool Whole>
    LS_INLINE void at(Writer& w, int64_t k, int n) {
        const vec<C> x = Port<C, C>::load(w.e + k), p = w.c.high * x;
        vec<C> h, low = {};
        if constexpr (Dense<S>::yes) {
            const vec<C> s = Whole ? Port<C, S>::load(w.source + k) : load_some<C, S>(w.source + k, n, S(0));
            h = w.c.high * x - (w.scale.high * s + w.each.high);
            if (sizeof(C) == 4) low = w.c.low * x - (w.scale.low * s + w.each.low);
        } else {
            h = w.c.high * x - w.each.high;
            if (sizeof(C) == 4) low = w.c.low * x - w.each.low;
        }
        if (sizeof(C) == 4) h += low;
        if (Gate<In, C>::of_p != 0) {
            const vec<C> size = absolute<C>(h);
            w.most = larger<C>(size, w.most);
            w.worst = larger<C>(C(Gate<In, C>::of_p) * p - size, w.worst);
        }
        if constexpr (Whole) {
            Port<C, In>::store(w.g + k, w.f * h);
        } else {
            store_some<C, In>(w.g + k, w.f * h, n);
        }
    }
};

// The gradient but for the pivot's, whose e is 0 and whose q, from the source, may be anything.
template <class In, class C, class S>
Quality write(const C* e, const S* source, int64_t K, const Target& t, double total, double factor, In* g) {
    typedef Writer<In, C, S> Writes;
    constexpr int W = Writes::W;
    Writes a = {e, source, g, Split<C>(t.mass / total), Split<C>(t.each), Split<C>(t.scale), same<C>(C(factor))}, b = a;
    int64_t k = 0;
    for (; k + 2 * W <= K; k += 2 * W) {
        Writes::template at<true>(a, k, W);
        Writes::template at<true>(b, k + W, W);
    }
    for (; k < K; k += W) {
        if (K < W) {
            Writes::template at<false>(a, 0, int(K));
        } else {
            Writes::template at<true>(a, last_start<C>(k, K), W);
        }
    }
    return {largest_of<C>(larger<C>(a.worst, b.worst)), largest_of<C>(larger<C>(a.most, b.most))};
}

// The gradient but for the pivot's where `smooth` says that nothing needs to be looked at.
template <class In, class C, class S>
struct SmoothWriter {
    static constexpr int W = Vector<C>::width;
    const C* e;
    const S* source;
    In* g;
    vec<C> c, each, scale;

    SmoothWriter(const C* e, const S* source, In* g, const Target& t, double total, double factor)
        : e(e), source(source), g(g), c(same<C>(C(factor * t.mass / total))), each(same<C>(C(factor * t.each))),
          scale(same<C>(C(factor * t.scale))) {}

    LS_INLINE vec<C> at(const SmoothWriter& w, int64_t k) {
        vec<C> q = w.each;
        if constexpr (Dense<S>::yes) q += w.scale * Port<C, S>::load(w.source + k);
        return w.c * Port<C, C>::load(w.e + k) - q;
    }

    // From k on as many whole groups of vectors as there are; where it stopped.
    template <bool Stream>
    LS_INLINE int64_t groups(const SmoothWriter& w, int64_t k, int64_t K) {
        for (; k + 4 * W <= K; k += 4 * W) {
            LS_EACH(u, 4) {
                const vec<C> h = at(w, k + u * W);
                if constexpr (Stream) {
                    Number<C, In>::stream(w.g + k + u * W, h);
                } else {
                    Number<C, In>::store(w.g + k + u * W, h);
                }
            }
        }
        return k;
    }

    void all(int64_t K, bool stream) const {
        int64_t k = 0;
        if constexpr (Number<C, In>::streams) {
            if (stream) {
                Number<C, In>::store(g, at(*this, 0));
                k = groups<true>(*this, int64_t(-uintptr_t(g) % (W * sizeof(In)) / sizeof(In)), K);
                settle_stores();
            }
        }
        k = groups<false>(*this, k, K);
        for (; k < K; k += W) {
            if (K < W) {
                vec<C> q = each;
                if constexpr (Dense<S>::yes) q += scale * load_some<C, S>(source, int(K), S(0));
                store_some<C, In>(g, c * Port<C, C>::load(e) - q, int(K));
            } else {
                Number<C, In>::store(g + last_start<C>(k, K), at(*this, last_start<C>(k, K)));
            }
        }
    }
};

// Whether every error, here of p and of q, is within the gate without a look at it. Where |m·p − q| is below `of_p`·p, p is
// hardly larger than q; and q is at most `most`, small beside the pivot's gradient.
template <class In, class C>
bool smooth(double most, double at_pivot, double factor) {
    const double size = fabs(factor);
    return Gate<In, C>::of_p != 0 && size > 1e-25 && size < 1e25 &&
           2 * Gate<In, C>::of_p * most <= Gate<In, C>::of_largest * fabs(at_pivot);
}

template <class C, class S>
double largest_without(const S* source, int64_t K, int64_t pivot) {
    constexpr int W = Vector<C>::width;
    vec<C> most = {};
    double rest = 0;
    for (int64_t k = 0; k < K; k += W) {
        if (k + W <= K && (pivot < k || pivot >= k + W)) {
            most = larger<C>(absolute<C>(Port<C, S>::load(source + k)), most);
            continue;
        }
        for (int64_t i = k; i < K && i < k + W; i++) {
            const double size = fabs(double(source[i]));
            if (i != pivot && size > rest) rest = size;
        }
    }
    const double all = double(largest_of<C>(most));
    return all > rest ? all : rest;
}

}  // namespace
