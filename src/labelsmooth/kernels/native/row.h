// One row with its classes next to each other in memory: the loss m·log Σ exp d − ⟨q, d⟩, d = z − max, and m·p − q.
//
// q is `own` at the pivot (the true class, or the largest one where only probabilities were given) and `each` or `q[k]`
// elsewhere. Where the pivot is likelier than all others together, its gradient is minus the sum of theirs, found from sums
// that leave the pivot out, so that 1 − p is never found by subtraction.
#pragma once

#include "exp.h"

namespace {

template <class In>
struct Limits;  // logits beyond these are looked at one by one: masked, not finite, or as low as masks are written
template <>
struct Limits<float> {
    static constexpr double most = 1e30, masked = -1.7014118e38;
};
template <>
struct Limits<bf16> {
    static constexpr double most = 1e30, masked = -1.6947656e38;
};
template <>
struct Limits<f16> {
    static constexpr double most = 32000, masked = -32752;
};
template <>
struct Limits<double> {
    static constexpr double most = 1e300, masked = -8.9e307;
};

// A gradient found in float is kept only if its error, at most 3.4e-7 of p, is within the gate 2e-6 (|g| + 0.01 max |g|),
// where the largest is looked for in the row alone; for half types, within what rounding leaves of theirs.
template <class In, class C>
struct Gate {
    static constexpr double of_p = 0, of_largest = 0;
};
template <>
struct Gate<float, float> {
    static constexpr double of_p = 0.17, of_largest = 0.01;
};
template <>
struct Gate<bf16, float> {
    static constexpr double of_p = 2e-3, of_largest = 0.02;
};
template <>
struct Gate<f16, float> {
    static constexpr double of_p = 2e-3, of_largest = 0.02;
};

// q is `own` at the pivot, and each + scale·source[k] elsewhere; found only when the sum of the source is known.
struct Target {
    double mass, own, others, each, scale;  // m, q at the pivot, Σ q elsewhere
    bool fits;
};

struct Nothing {};  // the type of a source that is not there

template <class S>
struct Dense {
    static constexpr bool yes = true;
};
template <>
struct Dense<Nothing> {
    static constexpr bool yes = false;
};

template <class C>
struct Peak {
    C top;
    bool plain;
};

template <class In, class C>
Peak<C> find_peak(const In* z, int64_t K) {
    constexpr int W = Vector<C>::width;
    const vec<C> low = same<C>(C(-Limits<In>::most));
    vec<C> top[4];
    whole<C> odd[4] = {};
    for (int u = 0; u < 4; u++) top[u] = same<C>(C(number(z[0])));
    int64_t k = 0;
    for (; k + 4 * W <= K; k += 4 * W) {
        for (int u = 0; u < 4; u++) {
            const vec<C> x = Port<C, In>::load(z + k + u * W);
            top[u] = larger<C>(x, top[u]);
            odd[u] |= (whole<C>)~(x >= low);
        }
    }
    for (; k < K; k += W) {
        const vec<C> x = load_last<C, In>(z, k, K, C(number(z[0])));
        top[0] = larger<C>(x, top[0]);
        odd[0] |= (whole<C>)~(x >= low);
    }
    const C most = largest_of<C>(larger<C>(larger<C>(top[0], top[1]), larger<C>(top[2], top[3])));
    return {most, !any_of(odd[0] | odd[1] | odd[2] | odd[3]) && most <= C(Limits<In>::most)};
}

template <class In, class C>
int64_t find_class(const In* z, int64_t K, C value) {
    constexpr int W = Vector<C>::width;
    int64_t k = 0;
    while (k + W <= K && !any_of(Port<C, In>::load(z + k) == value)) k += W;
    while (k < K && C(number(z[k])) != value) k++;
    return k < K ? k : 0;
}

// Sums of vectors: a few in their own precision, then on in double.
struct Sum {
    vec<double> all = {};

    LS_INLINE void add(Sum& sum, vec<double> x) { sum.all += x; }
    LS_INLINE void add(Sum& sum, vec<float> x) {
        sum.all += widened(x, 0);
        sum.all += widened(x, 1);
    }
};

struct Sums {
    double total, below, inner, source;  // Σ exp d, Σ d; of a source s: Σ s d, Σ s
};

// d = z − top, and exp of it and of what its rounding dropped, where that matters.
template <class In, class C, int M>
LS_INLINE void exp_below(const vec<C>* z, vec<C> top, vec<C>* d, vec<C>* x) {
    constexpr bool exact = sizeof(C) != sizeof(In) || sizeof(C) == 8;  // or far within the gate
    vec<C> back[M], tail[M] = {};
    LS_EACH(j, M) d[j] = z[j] - top;
    if constexpr (!exact) {
        LS_EACH(j, M) back[j] = d[j] - z[j];
        LS_EACH(j, M) tail[j] = z[j] - (d[j] - back[j]);
        LS_EACH(j, M) tail[j] = tail[j] - (top + back[j]);
    }
    exp_of<M>(d, tail, x);
}

template <class In, class C, class S>
Sums exps(const In* z, const In* ahead, int64_t K, C top, const S* source, C* e) {
    constexpr int W = Vector<C>::width, U = 4;
    const vec<C> peak = same<C>(top);
    Sum total, below, inner, given;
    int64_t k = 0;
    for (; k + U * W <= K; k += U * W) {
        for (int64_t line = 0; line < int64_t(U * W * sizeof(In)); line += 64) {
            __builtin_prefetch((const char*)(ahead + k) + line, 0, 2);
        }
        vec<C> at[U], d[U], x[U], s[U];
        LS_EACH(u, U) at[u] = Port<C, In>::load(z + k + u * W);
        exp_below<In, C, U>(at, peak, d, x);
        LS_EACH(u, U) Port<C, C>::store(e + k + u * W, x[u]);
        Sum::add(total, (x[0] + x[1]) + (x[2] + x[3]));
        Sum::add(below, (d[0] + d[1]) + (d[2] + d[3]));
        if constexpr (Dense<S>::yes) {
            LS_EACH(u, U) s[u] = Port<C, S>::load(source + k + u * W);
            Sum::add(given, (s[0] + s[1]) + (s[2] + s[3]));
            Sum::add(inner, (s[0] * d[0] + s[1] * d[1]) + (s[2] * d[2] + s[3] * d[3]));
        }
    }
    for (; k < K; k += W) {
        const int64_t at = last_start<C>(k, K);
        const vec<C> new_ones = from_lane<C>(int(k - at), int(K - at));
        const vec<C> last = load_last<C, In>(z, k, K, top);
        vec<C> d, x;
        exp_below<In, C, 1>(&last, peak, &d, &x);
        Port<C, C>::store(e + at, x);
        Sum::add(total, new_ones * x);
        Sum::add(below, new_ones * d);
        if constexpr (Dense<S>::yes) {
            const vec<C> s = new_ones * load_last<C, S>(source, k, K, S(0));
            Sum::add(given, s);
            Sum::add(inner, s * d);
        }
    }
    return {sum_of<double>(total.all), sum_of<double>(below.all), sum_of<double>(inner.all), sum_of<double>(given.all)};
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

    // The vector at k, whose first `done` numbers have been written before, with the same result.
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

struct Outcome {
    double loss;
    bool plain, precise;
};

// The loss, and where g is given, factor·(m·p − q); not where a logit is masked or odd, or the target does not fit.
// `settle` gives the target when the sum of the source is known.
template <class In, class C, class S, class Settle>
Outcome solve(const In* z, const In* ahead, int64_t K, const S* source, int64_t pivot, Settle settle, C* e, In* g,
              double factor) {
    const Peak<C> peak = find_peak<In, C>(z, K);
    if (!peak.plain) return {0, false, false};
    if (pivot < 0) pivot = find_class<In, C>(z, K, peak.top);
    const Sums sums = exps<In, C, S>(z, ahead, K, peak.top, source, e);
    double at_source = 0;
    if constexpr (Dense<S>::yes) at_source = double(source[pivot]);
    const Target t = settle(sums.source, at_source);
    if (!t.fits) return {0, false, false};
    const double top = double(peak.top), d = number(z[pivot]) - top, e_pivot = double(e[pivot]);
    double rest = sums.total - 1, others = sums.total - e_pivot;  // Σ exp d without one of the largest; without the pivot
    if (rest < 1) {
        const int64_t at = d == 0 ? pivot : find_class<In, C>(z, K, peak.top);
        e[at] = 0;
        rest = sum_of_all<C>(e, K);
        others = at == pivot ? rest : 1 + rest - e_pivot;
        e[at] = 1;
    }
    const double inner = t.scale * (sums.inner - at_source * d) + t.each * (sums.below - d);
    const double loss = t.mass * log1p_of(same<double>(rest))[0] - t.own * d - inner;
    if (!g) return {loss, true, true};
    const double total = 1 + rest;
    const bool likely = sizeof(C) == 8 || e_pivot > others;  // then p − q is minus the sum of the others'
    const double p = t.mass * ((likely ? others : e_pivot) / total), at_pivot = likely ? t.others - p : p - t.own;
    e[pivot] = 0;
    const Quality found = write<In, C, S>(e, source, K, t, total, factor, g);
    put(g + pivot, factor * at_pivot);
    if (Gate<In, C>::of_p == 0) return {loss, true, true};
    const double size = fabs(at_pivot), largest = (size > found.largest ? size : found.largest) * Gate<In, C>::of_largest;
    const double own = Gate<In, C>::of_p * fabs(p) - size;
    return {loss, true, found.worst <= largest && own <= largest};
}

}  // namespace
