// The two passes over a row that find its largest logit and its sums.
#pragma once

#include "below.h"
#include "limits.h"

namespace {

struct Nothing {};  // the type of a source that is not there

template <class S>
struct Dense {
    static constexpr bool yes = true;
};
template <>
struct Dense<Nothing> {
    static constexpr bool yes = false;
};

// Sums of vectors: a few in their own precision, then on in double.
struct Sum {
    vec<double> all = {};

    LS_INLINE void add(Sum& sum, vec<double> x) { sum.all += x; }
    LS_INLINE void add(Sum& sum, vec<float> x) {
        vhalf halves[2];
        memcpy(halves, &x, sizeof x);
        sum.all += widened(halves[0] + halves[1]);
    }
};

// Neighbours first.
template <int U, class V>
LS_INLINE V tree(const V* x) {
    if constexpr (U == 1) {
        return x[0];
    } else {
        return tree<U / 2>(x) + tree<U / 2>(x + U / 2);
    }
}

template <class In, class C>
double sum_below(const In* z, int64_t K, C top) {
    constexpr int W = Vector<C>::width;
    Sum all;
    for (int64_t k = 0; k < K; k += W) {
        const int64_t at = last_start<C>(k, K);
        Sum::add(all, from_lane<C>(int(k - at), int(K - at)) * (load_last<C, In>(z, k, K, top) - top));
    }
    return sum_of<double>(all.all);
}

struct Survey {
    double top, below;  // the largest logit, Σ z − top
    bool plain;         // no logit is masked, or not finite
};

// What is looked for first. Σ z less K·top is exact enough but where the logits share a large part.
template <class In, class C>
Survey survey(const In* z, int64_t K) {
    constexpr int W = Vector<C>::width;
    vec<C> top[4], least[4], x[4];
    Sum all;
    for (int u = 0; u < 4; u++) least[u] = top[u] = same<C>(C(number(z[0])));
    int64_t k = 0;
    for (; k + 4 * W <= K; k += 4 * W) {
        LS_EACH(u, 4) x[u] = Port<C, In>::load(z + k + u * W);
        LS_EACH(u, 4) top[u] = larger<C>(top[u], x[u]);
        if (!Limits<In>::shows) {
            LS_EACH(u, 4) least[u] = smaller<C>(x[u], least[u]);
        }
        Sum::add(all, tree<4>(x));
    }
    for (; k < K; k += W) {
        const int64_t at = last_start<C>(k, K);
        const vec<C> last = load_last<C, In>(z, k, K, C(number(z[0])));
        top[0] = larger<C>(last, top[0]);
        if (!Limits<In>::shows) least[0] = smaller<C>(last, least[0]);
        Sum::add(all, from_lane<C>(int(k - at), int(K - at)) * last);
    }
    const C most = largest_of<C>(larger<C>(larger<C>(top[0], top[1]), larger<C>(top[2], top[3])));
    const vec<C> low = smaller<C>(smaller<C>(least[0], least[1]), smaller<C>(least[2], least[3]));
    double below = sum_of<double>(all.all) - double(K) * double(most);
    bool plain = fabs(double(most)) <= Limits<In>::most && below == below;
    plain &= Limits<In>::shows ? below > -Limits<In>::most : !any_of(low < C(-Limits<In>::most));
    if (plain && fabs(double(most)) > 32) below = sum_below<In, C>(z, K, most);
    return {double(most), below, plain};
}

template <class In, class C>
int64_t find_class(const In* z, int64_t K, C value) {
    constexpr int W = Vector<C>::width;
    int64_t k = 0;
    while (k + W <= K && !any_of(Port<C, In>::load(z + k) == value)) k += W;
    while (k < K && C(number(z[k])) != value) k++;
    return k < K ? k : 0;
}

struct Sums {
    double total, inner, source, largest;  // Σ exp; of a source s: Σ s (z − top), Σ s, max |s|
};

template <class In, class C, class S>
Sums exps(const In* z, const In* ahead, int64_t K, const Below<C>& b, const S* source, C* e) {
    constexpr int W = Vector<C>::width, U = 4;
    Sum total, inner, given;
    vec<C> largest = {};
    int64_t k = 0;
    for (; k + U * W <= K; k += U * W) {
        for (int64_t line = 0; line < int64_t(U * W * sizeof(In)); line += 64) {
            __builtin_prefetch((const char*)(ahead + k) + line, 0, 2);
        }
        vec<C> at[U], x[U];
        LS_EACH(u, U) at[u] = Port<C, In>::load(z + k + u * W);
        Below<C>::template exps<U>(b, at, x);
        LS_EACH(u, U) Port<C, C>::store(e + k + u * W, x[u]);
        Sum::add(total, tree<U>(x));
        if constexpr (Dense<S>::yes) {
            vec<C> s[U];
            LS_EACH(u, U) s[u] = Port<C, S>::load(source + k + u * W);
            LS_EACH(u, U) largest = larger<C>(absolute<C>(s[u]), largest);
            LS_EACH(u, U) x[u] = s[u] * (Port<C, In>::load(z + k + u * W) - b.top);
            Sum::add(inner, tree<U>(x));
            Sum::add(given, tree<U>(s));
        }
    }
    for (; k < K; k += W) {
        const int64_t at = last_start<C>(k, K);
        const vec<C> new_ones = from_lane<C>(int(k - at), int(K - at));
        const vec<C> last = load_last<C, In>(z, k, K, b.top[0]);
        vec<C> x;
        Below<C>::template exps<1>(b, &last, &x);
        Port<C, C>::store(e + at, x);
        Sum::add(total, new_ones * x);
        if constexpr (Dense<S>::yes) {
            const vec<C> s = new_ones * load_last<C, S>(source, k, K, S(0));
            Sum::add(given, s);
            Sum::add(inner, s * (last - b.top));
            largest = larger<C>(absolute<C>(s), largest);
        }
    }
    return {sum_of<double>(total.all), sum_of<double>(inner.all), sum_of<double>(given.all), double(largest_of<C>(largest))};
}

template <class C>
double sum_of_all(const C* e, int64_t K) {
    constexpr int W = Vector<double>::width;
    vec<double> sum = {};
    int64_t k = 0;
    for (; k + W <= K; k += W) sum += Port<double, C>::load(e + k);
    double rest = sum_of<double>(sum);
    for (; k < K; k++) rest += double(e[k]);
    return rest;
}

}  // namespace
