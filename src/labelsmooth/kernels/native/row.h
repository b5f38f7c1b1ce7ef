// One row with its classes next to each other in memory: the loss m·log Σ exp d − ⟨q, d⟩, d = z − max, and m·p − q.
//
// q is `own` at the pivot (the true class, or the largest one where only probabilities were given) and `each` or `q[k]`
// elsewhere. Where the pivot is likelier than all others together, its gradient is minus the sum of theirs, found from sums
// that leave the pivot out, so that 1 − p is never found by subtraction.
#pragma once

#include "vectors.h"

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

template <class C>
struct Target {
    double mass, own, others;  // m, q at the pivot, Σ q elsewhere
    double each;               // q elsewhere when there is no array
    const C* q;                // q elsewhere, 0 at the pivot; or null
    int64_t pivot;
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
        const vec<C> x = k + W <= K ? Port<C, In>::load(z + k) : load_some<C, In>(z + k, int(K - k), C(number(z[0])));
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

template <class C>
struct Sums {
    double total, inner;  // Σ exp d, and Σ q d or Σ d
};

// d = z − top, with what its rounding dropped where that matters.
template <class In, class C>
LS_INLINE vec<C> exp_below(vec<C> z, vec<C> top, vec<C>& d) {
    d = z - top;
    if (sizeof(C) != sizeof(In) || sizeof(C) == 8) return exp_of(d, vec<C>{});  // exact, or far within the gate
    const vec<C> back = d - z, tail = (z - (d - back)) - (top + back);
    return exp_of(d, tail);
}

template <class In, class C, bool Dense>
Sums<C> exps(const In* z, const In* ahead, int64_t K, C top, const C* q, C* e) {
    constexpr int W = Vector<C>::width, U = 4, STRETCH = 32 * U * W;
    const vec<C> peak = same<C>(top);
    Sums<C> sums = {0, 0};
    int64_t k = 0;
    while (k + U * W <= K) {
        vec<C> total[U] = {}, inner[U] = {};
        const int64_t left = (K - k) / (U * W) * (U * W), end = k + (left < STRETCH ? left : STRETCH);
        for (; k < end; k += U * W) {
            for (int64_t line = 0; line < int64_t(U * W * sizeof(In)); line += 64) {
                __builtin_prefetch((const char*)(ahead + k) + line, 0, 2);
            }
            for (int u = 0; u < U; u++) {
                vec<C> d;
                const vec<C> x = exp_below<In, C>(Port<C, In>::load(z + k + u * W), peak, d);
                Port<C, C>::store(e + k + u * W, x);
                total[u] += x;
                inner[u] += Dense ? d * Port<C, C>::load(q + k + u * W) : d;
            }
        }
        sums.total += sum_of<C>((total[0] + total[1]) + (total[2] + total[3]));
        sums.inner += sum_of<C>((inner[0] + inner[1]) + (inner[2] + inner[3]));
    }
    vec<C> total = {}, inner = {};
    for (; k < K; k += W) {
        const int n = K - k < W ? int(K - k) : W;
        vec<C> d, x = exp_below<In, C>(load_some<C, In>(z + k, n, top), peak, d);
        for (int i = n; i < W; i++) x[i] = 0;
        Port<C, C>::store(e + k, x);
        total += x;
        inner += Dense ? d * Port<C, C>::load(q + k) : d;
    }
    sums.total += sum_of<C>(total);
    sums.inner += sum_of<C>(inner);
    return sums;
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

template <class In, class C, bool Dense>
Quality write(const C* e, int64_t K, const Target<C>& t, double total, double factor, In* g) {
    constexpr int W = Vector<C>::width;
    constexpr bool judged = Gate<In, C>::of_p != 0;
    const vec<C> c = same<C>(C(t.mass / total)), each = same<C>(C(t.each)), f = same<C>(C(factor));
    const vec<C> error = same<C>(C(Gate<In, C>::of_p));
    vec<C> worst[2] = {}, most[2] = {};
    int64_t k = 0;
    for (; k + 2 * W <= K; k += 2 * W) {
        for (int u = 0; u < 2; u++) {
            const vec<C> p = c * Port<C, C>::load(e + k + u * W);
            const vec<C> h = p - (Dense ? Port<C, C>::load(t.q + k + u * W) : each);
            if (judged) {
                const vec<C> size = absolute<C>(h);
                most[u] = larger<C>(size, most[u]);
                worst[u] = larger<C>(error * p - size, worst[u]);
            }
            Port<C, In>::store(g + k + u * W, f * h);
        }
    }
    for (; k < K; k += W) {
        const int n = K - k < W ? int(K - k) : W;
        vec<C> p = c * Port<C, C>::load(e + k);
        vec<C> h = p - (Dense ? Port<C, C>::load(t.q + k) : each);
        if (n < W) {
            store_some<C, In>(g + k, f * h, n);
            for (int i = n; i < W; i++) p[i] = h[i] = 0;
        } else {
            Port<C, In>::store(g + k, f * h);
        }
        const vec<C> size = absolute<C>(h);
        most[0] = larger<C>(size, most[0]);
        worst[0] = larger<C>(error * p - size, worst[0]);
    }
    return {largest_of<C>(larger<C>(worst[0], worst[1])), largest_of<C>(larger<C>(most[0], most[1]))};
}

struct Outcome {
    double loss;
    bool plain, precise;
};

// The loss, and where g is given, factor·(m·p − q); not where a logit is masked or odd.
template <class In, class C, bool Dense>
Outcome solve(const In* z, const In* ahead, int64_t K, Target<C> t, C* e, In* g, double factor) {
    const Peak<C> peak = find_peak<In, C>(z, K);
    if (!peak.plain) return {0, false, false};
    const Sums<C> sums = exps<In, C, Dense>(z, ahead, K, peak.top, t.q, e);
    const double top = double(peak.top), d = number(z[t.pivot]) - top;
    double rest = sums.total - 1, others = sums.total - double(e[t.pivot]);  // Σ exp d without one of the largest; without the pivot
    if (rest < 1) {
        const int64_t at = d == 0 ? t.pivot : find_class<In, C>(z, K, peak.top);
        e[at] = 0;
        rest = sum_of_all<C>(e, K);
        others = at == t.pivot ? rest : 1 + rest - double(e[t.pivot]);
        e[at] = 1;
    }
    const double inner = Dense ? sums.inner : t.each * (sums.inner - d);
    const double loss = t.mass * log1p(rest) - t.own * d - inner;
    if (!g) return {loss, true, true};
    const double total = 1 + rest;
    const double e_pivot = double(e[t.pivot]);
    const bool likely = sizeof(C) == 8 || e_pivot > others;  // then p − q is minus the sum of the others'
    const double p = t.mass * ((likely ? others : e_pivot) / total), at_pivot = likely ? t.others - p : p - t.own;
    e[t.pivot] = 0;
    const Quality found = write<In, C, Dense>(e, K, t, total, factor, g);
    put(g + t.pivot, factor * at_pivot);
    if (Gate<In, C>::of_p == 0) return {loss, true, true};
    const double size = fabs(at_pivot), largest = (size > found.largest ? size : found.largest) * Gate<In, C>::of_largest;
    const double own = Gate<In, C>::of_p * fabs(p) - size;
    return {loss, true, found.worst <= largest && own <= largest};
}

}  // namespace
