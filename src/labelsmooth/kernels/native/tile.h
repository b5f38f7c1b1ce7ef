// Classes that are not next to each other (segmentation maps): neighbouring rows side by side in a vector.
// In float, with the same look at its own error as for a row; what fails it is computed once more in double.
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

// Sums in double of what stands in each lane.
template <class C>
struct Lanes {
    static constexpr int PARTS = Vector<C>::width / Vector<double>::width;
    vec<double> part[PARTS] = {};

    LS_INLINE void add(Lanes& sum, vec<C> x) {
        for (int i = 0; i < PARTS; i++) sum.part[i] += Port<double, C>::load((const C*)&x + i * Vector<double>::width);
    }
    LS_INLINE void store(const Lanes& sum, double* p) { memcpy(p, sum.part, sizeof sum.part); }
};

enum Tiled { ODD, IMPRECISE, SOLVED };

// U vectors of rows; the arrays hold a number for each of them.
template <class In, class C, int U>
struct Tile {
    static constexpr int W = Vector<C>::width, N = U * W, D = Vector<double>::width;
    static constexpr bool judged = Gate<In, C>::of_p != 0;
    const Arguments& A;
    const Batch& batch;
    C* e;  // K × U vectors: logits less the largest, then exp of them
    vec<C> top[U];
    C label[N], counted[N];
    alignas(64) double mass[N], own[N], each[N], others[N], factor[N], rest[N], below[N], at_y[N];
    double least[N];  // what the largest |m·p − q| must be at least

    Tile(const Arguments& A, const Batch& batch, Scratch& scratch) : A(A), batch(batch), e((C*)scratch.tile) {}

    void targets(int64_t r) {
        for (int i = 0; i < N; i++) {
            const bool counts = batch.counts(r + i);
            const Target t = batch.by_number(r + i);
            counted[i] = counts;
            label[i] = C(counts ? batch.labels()[r + i] : 0);
            mass[i] = t.mass, own[i] = t.own, each[i] = t.each, others[i] = t.others;
            factor[i] = counts ? batch.factor(r + i) : 0;
        }
    }

    bool read(const In* z) {
        const int64_t step = A.logits.of_class;
        whole<C> odd = {};
        const vec<C> low = same<C>(C(-Limits<In>::most));
        for (int u = 0; u < U; u++) top[u] = low;
        for (int64_t k = 0; k < A.K; k++) {
            for (int u = 0; u < U; u++) {
                const vec<C> x = Port<C, In>::load(z + k * step + u * W);
                Port<C, C>::store(e + k * N + u * W, x);
                top[u] = larger<C>(x, top[u]);
                odd |= (whole<C>)~(x >= low) & (whole<C>)(Port<C, C>::load(counted + u * W) != C(0));
            }
        }
        for (int u = 0; u < U; u++) {
            odd |= (whole<C>)~(top[u] <= C(Limits<In>::most)) & (whole<C>)(Port<C, C>::load(counted + u * W) != C(0));
        }
        return !any_of(odd);
    }

    // Σ exp d without one of the largest, Σ d.
    void exps(int u) {
        Lanes<C> left, all;
        vec<C> tops = {};
        int64_t k = 0;
        for (; k + 4 <= A.K; k += 4) {
            vec<C> d[4], x[4];
            for (int j = 0; j < 4; j++) x[j] = one(k + j, u, d[j], tops);
            Lanes<C>::add(left, (x[0] + x[1]) + (x[2] + x[3]));
            Lanes<C>::add(all, (d[0] + d[1]) + (d[2] + d[3]));
        }
        for (; k < A.K; k++) {
            vec<C> d;
            Lanes<C>::add(left, one(k, u, d, tops));
            Lanes<C>::add(all, d);
        }
        Lanes<C>::add(left, tops - C(1));
        Lanes<C>::store(left, rest + u * W);
        Lanes<C>::store(all, below + u * W);
    }

    vec<C> one(int64_t k, int u, vec<C>& d, vec<C>& tops) {
        C* const at = e + k * N + u * W;
        const vec<C> x = exp_below<In, C>(Port<C, C>::load(at), top[u], d);
        Port<C, C>::store(at, x);
        tops += d == C(0) ? same<C>(1) : vec<C>{};
        return d == C(0) ? vec<C>{} : x;
    }

    // The losses; and of the rows' gradients what does not depend on the class.
    void losses(const In* z, double* loss) {
        alignas(64) double e_y[N], d_y[N];
        for (int i = 0; i < N; i++) {
            const int64_t y = int64_t(label[i]);
            e_y[i] = double(e[y * N + i]);
            d_y[i] = number(z[y * A.logits.of_class + i]) - double(((const C*)top)[i]);
        }
        for (int i = 0; i < N; i += D) {
            const auto of = [i](const double* p) { return Port<double, double>::load(p + i); };
            const vec<double> left = of(rest), total = left + 1.0, m = of(mass), y = of(e_y), d = of(d_y);
            const vec<double> without = left + (y == 1.0 ? vec<double>{} : 1.0 - y);
            Port<double, double>::store(loss + i, m * log1p_of(left) - of(own) * d - of(each) * (of(below) - d));
            const auto likely = sizeof(C) == 8 ? y == y : y > without;  // then p − q is minus the sum of the others'
            const vec<double> p = m * ((likely ? without : y) / total), h = likely ? of(others) - p : p - of(own);
            Port<double, double>::store(at_y + i, h);
            Port<double, double>::store(least + i, Gate<In, C>::of_p * absolute<double>(p) - absolute<double>(h));
            Port<double, double>::store(mass + i, m / total);
        }
    }

    // Writes the gradient; false where its error may be beyond the gate.
    bool gradient(In* g) const {
        Split<C> c[U], back[U];
        vec<C> f[U], y[U], at[U], worst[U] = {}, most[U];
        for (int u = 0; u < U; u++) {
            C numbers[7][W];
            for (int i = 0; i < W; i++) {
                const int n = u * W + i;
                const double two[2] = {mass[n], each[n]};
                for (int j = 0; j < 2; j++) {
                    numbers[2 * j][i] = C(two[j]);
                    numbers[2 * j + 1][i] = C(two[j] - double(C(two[j])));
                }
                numbers[4][i] = C(factor[n]), numbers[5][i] = C(at_y[n]), numbers[6][i] = C(fabs(at_y[n]));
            }
            memcpy(&c[u], numbers[0], 2 * sizeof(vec<C>));
            memcpy(&back[u], numbers[2], 2 * sizeof(vec<C>));
            memcpy(&f[u], numbers[4], sizeof(vec<C>));
            memcpy(&at[u], numbers[5], sizeof(vec<C>));
            memcpy(&most[u], numbers[6], sizeof(vec<C>));
            y[u] = Port<C, C>::load(label + u * W);
        }
        for (int64_t k = 0; k < A.K; k++) {
            const vec<C> here = same<C>(C(k));
            for (int u = 0; u < U; u++) {
                const vec<C> x = Port<C, C>::load(e + k * N + u * W);
                vec<C> h = c[u].high * x - back[u].high;
                if (judged) {
                    h += c[u].low * x - back[u].low;
                    const vec<C> size = absolute<C>(h), off = C(Gate<In, C>::of_p) * (c[u].high * x) - size;
                    most[u] = larger<C>(most[u], size);
                    worst[u] = y[u] == here ? worst[u] : larger<C>(worst[u], off);
                }
                h = f[u] * (y[u] == here ? at[u] : h);
                Port<C, In>::store(g + k * A.gradient.of_class + u * W, f[u] != C(0) ? h : vec<C>{});
            }
        }
        bool precise = true;
        for (int i = 0; judged && i < N; i++) {
            const double largest = double(most[i / W][i % W]) * Gate<In, C>::of_largest;
            precise = precise && (counted[i] == 0 || (double(worst[i / W][i % W]) <= largest && least[i] <= largest));
        }
        return precise;
    }

    Tiled solved(const In* z, In* g, int64_t r, double* loss) {
        targets(r);
        if (!read(z)) return ODD;
        for (int u = 0; u < U; u++) exps(u);
        losses(z, loss);
        for (int i = 0; i < N; i++) loss[i] = counted[i] != 0 ? loss[i] : 0;
        return !g || gradient(g) ? SOLVED : IMPRECISE;
    }
};

template <class In, class C, int U>
Tiled tile_of(const Arguments& A, const Batch& batch, Scratch& scratch, const In* z, In* g, int64_t r, double* loss) {
    Tile<In, C, U> all(A, batch, scratch);
    return all.solved(z, g, r, loss);
}

// Solves some rows from r on, and says how many; 0 where this way does not fit.
template <class In>
int64_t tile(const Arguments& A, const Batch& batch, Scratch& scratch, const In* z, In* g, int64_t r, int64_t last,
             double& sum) {
    constexpr int D = Vector<double>::width, N = sizeof(In) < 8 ? 8 * D : 4 * D;
    const int64_t in_line = A.sizes[DIMS - 1] - r % A.sizes[DIMS - 1], left = last - r < in_line ? last - r : in_line;
    double loss[N], dropped[4 * D];
    int64_t done = 0;
    if constexpr (sizeof(In) < 8) {
        const Tiled found = left < N ? ODD : tile_of<In, float, 4>(A, batch, scratch, z, g, r, loss);
        if (found != ODD) done = N;
        for (int64_t i = 0; found == IMPRECISE && i < N; i += 4 * D) {  // the loss is the same with a gradient or without
            tile_of<In, double, 4>(A, batch, scratch, z + i, g + i, r + i, dropped);
        }
    }
    if (!done && left >= 4 * D && tile_of<In, double, 4>(A, batch, scratch, z, g, r, loss)) done = 4 * D;
    if (!done && left >= D && tile_of<In, double, 1>(A, batch, scratch, z, g, r, loss)) done = D;
    for (int64_t i = 0; i < done; i++) {
        batch.keep_loss(r + i, loss[i]);
        sum += loss[i];
    }
    return done;
}

}  // namespace
