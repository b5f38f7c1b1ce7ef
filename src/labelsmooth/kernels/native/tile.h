// Neighbouring rows side by side in a vector: where classes are not next to each other (segmentation maps), and, turned
// round in blocks, short rows. In float, with the same look at its own error as for a row; what fails it once more in double.
#pragma once

#include "target.h"
#include "turn.h"

namespace {

// Sums in double of what stands in each lane.
template <class C>
struct Lanes {
    static constexpr int PARTS = Vector<C>::width / Vector<double>::width;
    vec<double> part[PARTS] = {};

    LS_INLINE void add(Lanes& sum, vec<C> x) {
        for (int i = 0; i < PARTS; i++) sum.part[i] += widened(x, i);
    }
    LS_INLINE void store(const Lanes& sum, double* p) { memcpy(p, sum.part, sizeof sum.part); }
};

enum Tiled { ODD, IMPRECISE, SOLVED };

// U vectors of rows; the arrays hold a number for each of them. Apart: a row's classes are not next to each other.
template <class In, class C, int U, bool Apart>
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

    // A block of W rows and classes, from `z` to `e` or back; only the first n classes where n < W.
    template <bool Whole>
    LS_INLINE void taken(const In* z, int64_t step, C* to, int n) {
        vec<C> x[W];
        LS_EACH(i, W) x[i] = Whole ? Port<C, In>::load(z + i * step) : load_some<C, In>(z + i * step, n, C(0));
        turn<C>(x);
        LS_EACH(j, W) {
            if (Whole || j < n) Port<C, C>::store(to + j * N, x[j]);
        }
    }
    template <bool Whole>
    LS_INLINE void put_back(const C* from, In* g, int64_t step, int n) {
        vec<C> x[W];
        LS_EACH(j, W) x[j] = Whole || j < n ? Port<C, C>::load(from + j * N) : vec<C>{};
        turn<C>(x);
        LS_EACH(i, W) {
            if constexpr (Whole) {
                Port<C, In>::store(g + i * step, x[i]);
            } else {
                store_some<C, In>(g + i * step, x[i], n);
            }
        }
    }

    void gather(const In* z) {
        const int64_t K = A.K, step = A.logits.of_row[DIMS - 1];
        for (int u = 0; u < U; u++, z += W * step) {
            for (int64_t k = 0; k + W <= K; k += W) taken<true>(z + k, step, e + k * N + u * W, W);
            if (K >= W && K % W) taken<true>(z + K - W, step, e + (K - W) * N + u * W, W);
            if (K < W) taken<false>(z, step, e + u * W, int(K));
        }
    }

    void scatter(In* g) const {
        const int64_t K = A.K, step = A.gradient.of_row[DIMS - 1];
        for (int u = 0; u < U; u++, g += W * step) {
            for (int64_t k = 0; k + W <= K; k += W) put_back<true>(e + k * N + u * W, g + k, step, W);
            if (K >= W && K % W) put_back<true>(e + (K - W) * N + u * W, g + K - W, step, W);
            if (K < W) put_back<false>(e + u * W, g, step, int(K));
        }
    }

    bool read(const In* z) {
        const int64_t step = A.logits.of_class;
        if (!Apart) gather(z);
        whole<C> odd = {};
        const vec<C> low = same<C>(C(-Limits<In>::most));
        for (int u = 0; u < U; u++) top[u] = low;
        for (int64_t k = 0; k < A.K; k++) {
            for (int u = 0; u < U; u++) {
                C* const at = e + k * N + u * W;
                const vec<C> x = Apart ? Port<C, In>::load(z + k * step + u * W) : Port<C, C>::load(at);
                if (Apart) Port<C, C>::store(at, x);
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
        whole<C> tops = {};
        int64_t k = 0;
        for (; k + 4 <= A.K; k += 4) some<4>(k, u, left, all, tops);
        for (; k < A.K; k++) some<1>(k, u, left, all, tops);
        Lanes<C>::add(left, __builtin_convertvector(tops, vec<C>) - C(1));
        Lanes<C>::store(left, rest + u * W);
        Lanes<C>::store(all, below + u * W);
    }

    template <int M>
    void some(int64_t k, int u, Lanes<C>& left, Lanes<C>& all, whole<C>& tops) {
        C* const at = e + k * N + u * W;
        vec<C> z[M], d[M], x[M];
        whole<C> zero[M];
        LS_EACH(j, M) z[j] = Port<C, C>::load(at + j * N);
        exp_below<In, C, M>(z, top[u], d, x);
        LS_EACH(j, M) Port<C, C>::store(at + j * N, x[j]);
        LS_EACH(j, M) zero[j] = (whole<C>)(d[j] == C(0));
        LS_EACH(j, M) x[j] = (vec<C>)((whole<C>)x[j] & ~zero[j]);
        LS_EACH(j, M) tops -= zero[j];
        for (int step = 1; step < M; step *= 2) {
            for (int j = 0; j < M; j += 2 * step) x[j] += x[j + step], d[j] += d[j + step];
        }
        Lanes<C>::add(left, x[0]);
        Lanes<C>::add(all, d[0]);
    }

    // The losses; and of the rows' gradients what does not depend on the class.
    void losses(const In* z, double* loss) {
        alignas(64) double e_y[N], d_y[N];
        for (int i = 0; i < N; i++) {
            const int64_t y = int64_t(label[i]);
            e_y[i] = double(e[y * N + i]);
            d_y[i] = number(z[y * A.logits.of_class + i * A.logits.of_row[DIMS - 1]]) - double(((const C*)top)[i]);
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

    // Writes the gradient; false where its error may be beyond the gate, and then, where classes are not apart, nothing.
    // As for a row, e of the labels is 0, and their numbers come last.
    bool gradient(In* g) {
        Split<C> c[U], back[U];
        vec<C> f[U], worst[U] = {}, most[U];
        for (int i = 0; i < N; i++) e[int64_t(label[i]) * N + i] = 0;
        for (int u = 0; u < U; u++) {
            C numbers[6][W];
            for (int i = 0; i < W; i++) {
                const int n = u * W + i;
                const double two[2] = {mass[n], each[n]};
                for (int j = 0; j < 2; j++) {
                    numbers[2 * j][i] = C(two[j]);
                    numbers[2 * j + 1][i] = C(two[j] - double(C(two[j])));
                }
                numbers[4][i] = C(factor[n]), numbers[5][i] = C(fabs(at_y[n]));
            }
            memcpy(&c[u], numbers[0], 2 * sizeof(vec<C>));
            memcpy(&back[u], numbers[2], 2 * sizeof(vec<C>));
            memcpy(&f[u], numbers[4], sizeof(vec<C>));
            memcpy(&most[u], numbers[5], sizeof(vec<C>));
        }
        const int64_t K = A.K;
        for (int64_t k = 0; k < K; k++) {
            LS_EACH(u, U) {
                const vec<C> x = Port<C, C>::load(e + k * N + u * W);
                vec<C> h = c[u].high * x - back[u].high;
                if (judged) {
                    h += c[u].low * x - back[u].low;
                    const vec<C> size = absolute<C>(h);
                    most[u] = larger<C>(size, most[u]);
                    worst[u] = larger<C>(C(Gate<In, C>::of_p) * (c[u].high * x) - size, worst[u]);
                }
                h = f[u] != C(0) ? f[u] * h : vec<C>{};
                if (Apart) {
                    Port<C, In>::store(g + k * A.gradient.of_class + u * W, h);
                } else {
                    Port<C, C>::store(e + k * N + u * W, h);
                }
            }
        }
        bool precise = true;
        for (int i = 0; judged && i < N; i++) {
            const double largest = double(most[i / W][i % W]) * Gate<In, C>::of_largest;
            precise = precise && (counted[i] == 0 || (double(worst[i / W][i % W]) <= largest && least[i] <= largest));
        }
        for (int i = 0; i < N; i++) {
            const double own = counted[i] != 0 ? factor[i] * at_y[i] : 0;
            const int64_t y = int64_t(label[i]);
            if (Apart) {
                put(g + y * A.gradient.of_class + i, own);
            } else {
                e[y * N + i] = C(own);
            }
        }
        if (!Apart && precise) scatter(g);
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
    if (A.logits.of_class == 1) {
        Tile<In, C, U, false> all(A, batch, scratch);
        return all.solved(z, g, r, loss);
    }
    Tile<In, C, U, true> all(A, batch, scratch);
    return all.solved(z, g, r, loss);
}

// Whether rows of this call may be solved side by side.
template <class In>
bool tiled(const Arguments& A, const Batch& batch) {
    if (!batch.constant || !side_by_side(A) || A.mask.at || A.has_below || A.K >= 1 << 24) return false;  // labels are compared as floats
    const int64_t row = A.logits.of_row[DIMS - 1], gradient_row = A.gradient.at ? A.gradient.of_row[DIMS - 1] : row;
    if (A.logits.of_class == 1) return !A.gradient.at || A.gradient.of_class == 1;
    return row == 1 && gradient_row == 1 && A.gradient.at != A.logits.at;
}

template <class In>
constexpr int TILED_ROWS = (sizeof(In) < 8 ? 8 : 4) * Vector<double>::width;

// Solves some rows from r on, and says how many; 0 where this way does not fit.
template <class In>
int64_t tile(const Arguments& A, const Batch& batch, Scratch& scratch, const In* z, In* g, int64_t r, int64_t last,
             double& sum) {
    constexpr int D = Vector<double>::width, N = TILED_ROWS<In>;
    const int64_t in_line = A.sizes[DIMS - 1] - r % A.sizes[DIMS - 1], left = last - r < in_line ? last - r : in_line;
    const int64_t step = A.logits.of_row[DIMS - 1], gradient_step = A.gradient.of_row[DIMS - 1];
    double loss[N], dropped[4 * D];
    int64_t done = 0;
    if constexpr (sizeof(In) < 8) {
        const Tiled found = left < N ? ODD : tile_of<In, float, 4>(A, batch, scratch, z, g, r, loss);
        if (found != ODD) done = N;
        for (int64_t i = 0; found == IMPRECISE && i < N; i += 4 * D) {  // the loss is the same with a gradient or without
            tile_of<In, double, 4>(A, batch, scratch, z + i * step, g + i * gradient_step, r + i, dropped);
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
