// One row with its classes next to each other in memory: the loss m·log Σ exp d − ⟨q, d⟩, d = z − max, and m·p − q.
//
// q is `own` at the pivot (the true class, or the largest one where only probabilities were given) and `each` or `q[k]`
// elsewhere. Where the pivot is likelier than all others together, its gradient is minus the sum of theirs, found from sums
// that leave the pivot out, so that 1 − p is never found by subtraction.
#pragma once

#include "write.h"

namespace {

enum State { ODD, FAR, IMPRECISE, SOLVED };  // masked or not finite; only for double; only the loss is right; all is

struct Outcome {
    double loss;
    State state;
};

// The loss, and where g is given, factor·(m·p − q); ODD too where the target does not fit.
// `settle` gives the target when the sum of the source is known.
template <class In, class C, class S, class Settle>
Outcome solve(const In* z, const In* ahead, int64_t K, const S* source, int64_t pivot, Settle settle, C* e, In* g,
              double factor, bool stream) {
    const Survey seen = survey<In, C>(z, K);
    if (!seen.plain) return {0, ODD};
    if (fabs(seen.top) > Below<C>::reach) return {0, FAR};
    const C peak = C(seen.top);
    if (pivot < 0) pivot = find_class<In, C>(z, K, peak);
    const Below<C> b(same<C>(peak));
    const Sums sums = exps<In, C, S>(z, ahead, K, b, source, e);
    double at_source = 0;
    if constexpr (Dense<S>::yes) at_source = double(source[pivot]);
    const Target t = settle(sums.source, at_source);
    if (!t.fits) return {0, ODD};
    vec<C> of_peak;
    Below<C>::template exps<1>(b, &b.top, &of_peak);
    const double d = number(z[pivot]) - double(peak), e_pivot = double(e[pivot]), e_top = Below<C>::of_top(b, 0)[0];
    // Σ exp without one of the largest; without the pivot.
    double rest = sums.total - double(of_peak[0]), others = sums.total - e_pivot;
    if (rest < e_top) {
        const int64_t at = d == 0 ? pivot : find_class<In, C>(z, K, peak);
        e[at] = 0;
        rest = sum_of_all<C>(e, K);
        others = at == pivot ? rest : e_top + rest - e_pivot;
        e[at] = of_peak[0];
    }
    const double inner = t.scale * (sums.inner - at_source * d) + t.each * (seen.below - d);
    const double loss = t.mass * log1p_of(same<double>(rest / e_top))[0] - t.own * d - inner;
    if (!g) return {loss, SOLVED};
    const double total = e_top + rest;
    const bool likely = sizeof(C) == 8 || e_pivot > others;  // then p − q is minus the sum of the others'
    const double p = t.mass * ((likely ? others : e_pivot) / total), at_pivot = likely ? t.others - p : p - t.own;
    e[pivot] = 0;
    const auto fine = [&](double most) {
        return smooth<In, C>(fabs(t.scale) * most + fabs(t.each), at_pivot, factor);
    };
    bool is_smooth = fine(sums.largest);
    if constexpr (Dense<S>::yes) is_smooth |= at_source == sums.largest && fine(largest_without<C, S>(source, K, pivot));
    if (is_smooth) {
        SmoothWriter<In, C, S>(e, source, g, t, total, factor).all(K, stream);
        put(g + pivot, factor * at_pivot);
        return {loss, SOLVED};
    }
    const Quality found = write<In, C, S>(e, source, K, t, total, factor, g);
    put(g + pivot, factor * at_pivot);
    if (Gate<In, C>::of_p == 0) return {loss, SOLVED};
    const double size = fabs(at_pivot), largest = (size > found.largest ? size : found.largest) * Gate<In, C>::of_largest;
    const double own = Gate<In, C>::of_p * fabs(p) - size;
    return {loss, found.worst <= largest && own <= largest ? SOLVED : IMPRECISE};
}

}  // namespace
