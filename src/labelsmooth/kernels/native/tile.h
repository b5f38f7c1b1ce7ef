// Classes that are not next to each other (segmentation maps): neighbouring rows side by side in a vector, in double.
#pragma once

#include "target.h"

namespace {

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

template <class In>
struct Tile {
    const Arguments& A;
    const Batch& batch;
    double* e;  // K × U vectors

    static constexpr int W = Vector<double>::width;

    // U vectors of rows from r on; false where a logit is odd.
    template <int U>
    bool solved(const In* z, In* g, int64_t r, double& sum) const {
        const int64_t step = A.logits.of_class, to = A.gradient.of_class;
        vec<double> label[U], top[U], counts[U];
        Numbers4<U> row;
        for (int i = 0; i < U * W; i++) {
            const bool counted = batch.counts(r + i);
            const Target t = batch.by_number(r + i);
            counts[i / W][i % W] = counted;
            label[i / W][i % W] = double(counted ? batch.labels()[r + i] : 0);
            row.mass[i / W][i % W] = t.mass;
            row.own[i / W][i % W] = t.own;
            row.each[i / W][i % W] = t.each;
            row.others[i / W][i % W] = t.others;
            row.factor[i / W][i % W] = counted ? batch.factor(r + i) : 0;
        }
        whole<double> odd = {};
        const vec<double> low = same<double>(-Limits<In>::most);
        for (int u = 0; u < U; u++) top[u] = low;
        for (int64_t k = 0; k < A.K; k++) {
            for (int u = 0; u < U; u++) {
                const vec<double> x = Port<double, In>::load(z + k * step + u * W);
                top[u] = larger<double>(x, top[u]);
                odd |= (whole<double>)~(x >= low) & (whole<double>)(counts[u] != 0.0);
            }
        }
        for (int u = 0; u < U; u++) {
            odd |= (whole<double>)~(top[u] <= Limits<In>::most) & (whole<double>)(counts[u] != 0.0);
        }
        if (any_of(odd)) return false;
        vec<double> rest[U] = {}, others[U] = {}, inner[U] = {}, at_label[U] = {}, tops[U] = {};
        for (int64_t k = 0; k < A.K; k++) {
            const vec<double> here = same<double>(double(k));
            for (int u = 0; u < U; u++) {
                const vec<double> d = Port<double, In>::load(z + k * step + u * W) - top[u], x = exp_of(d, vec<double>{});
                Port<double, double>::store(e + (k * U + u) * W, x);
                rest[u] += d == 0.0 ? vec<double>{} : x;
                tops[u] += d == 0.0 ? same<double>(1) : vec<double>{};
                others[u] += label[u] == here ? vec<double>{} : x;
                at_label[u] += label[u] == here ? d : vec<double>{};
                inner[u] += d;
            }
        }
        vec<double> scale[U], at_y[U];
        for (int u = 0; u < U; u++) {
            rest[u] += tops[u] - 1.0;
            const vec<double> total = rest[u] + 1.0;
            const vec<double> loss = row.mass[u] * log1p_of(rest[u]) - row.own[u] * at_label[u] -
                                     row.each[u] * (inner[u] - at_label[u]);
            for (int i = 0; i < W; i++) {
                const double one = counts[u][i] != 0 ? loss[i] : 0;
                batch.keep_loss(r + u * W + i, one);
                sum += one;
            }
            scale[u] = row.mass[u] / total;
            at_y[u] = row.others[u] - scale[u] * others[u];
        }
        if (!g) return true;
        for (int64_t k = 0; k < A.K; k++) {
            const vec<double> here = same<double>(double(k));
            for (int u = 0; u < U; u++) {
                const vec<double> h = scale[u] * Port<double, double>::load(e + (k * U + u) * W) - row.each[u];
                const vec<double> all = row.factor[u] * (label[u] == here ? at_y[u] : h);
                Port<double, In>::store(g + k * to + u * W, counts[u] != 0.0 ? all : vec<double>{});
            }
        }
        return true;
    }

    template <int U>
    struct Numbers4 {
        vec<double> mass[U], own[U], each[U], others[U], factor[U];
    };
};

// Solves some rows from r on, and says how many; 0 where this way does not fit.
template <class In>
int64_t tile(const Arguments& A, const Batch& batch, Scratch& scratch, const In* z, In* g, int64_t r, int64_t last,
             double& sum) {
    constexpr int W = Vector<double>::width, U = 4;
    const int64_t in_line = A.sizes[DIMS - 1] - r % A.sizes[DIMS - 1], left = last - r < in_line ? last - r : in_line;
    const Tile<In> all{A, batch, scratch.tile};
    if (left >= U * W) return all.template solved<U>(z, g, r, sum) ? U * W : 0;
    return left >= W && all.template solved<1>(z, g, r, sum) ? W : 0;
}

}  // namespace
