// Neighbouring rows side by side in a vector: where classes are not next to each other (segmentation maps), and, turned
// round in blocks, short rows. In float, with the same look at its own error as for a row; what fails it once more in double.
#pragma once

#include "blocks.h"
#include "target.h"

namespace {

// U vectors of rows; the arrays hold a number for each of them. Apart: a row's classes are not next to each other.
template <class In, class C, int U, bool Apart>
struct Tile {
    static constexpr int W = Vector<C>::width, N = U * W, D = Vector<double>::width;

    const Arguments& A;
    const Batch& batch;
    C* e;  // K × U vectors: logits, then exp of them on their row's scale
    Seen<In, C> seen[U];
    bool all_count;
    int64_t label[N];
    C counted[N];
    alignas(64) double mass[N], own[N], each[N], others[N], factor[N], rest[N], below[N], at_y[N];
    alignas(64) double e_top[N], e_peak[N];  // exp of the largest, and what stands for it in e
    double z_y[N];
    double least_of_y[N];                    // what the largest |m·p − q| must be at least

    Tile(const Arguments& A, const Batch& batch, Scratch& scratch) : A(A), batch(batch), e((C*)scratch.tile) {}

    void targets(int64_t r) {
        all_count = true;
        for (int i = 0; i < N; i++) {
            const bool counts = batch.counts(r + i);
            all_count = all_count && counts;
            counted[i] = counts;
            label[i] = counts ? batch.labels()[r + i] : 0;
            factor[i] = counts ? batch.factor(r + i) : 0;
        }
        for (int i = 0; i < N; i++) {
            const Target t = batch.by_number(r + i);
            mass[i] = t.mass, own[i] = t.own, each[i] = t.each, others[i] = t.others;
        }
    }

    template <int M>
    void copied(const In* z, int64_t k) {
        LS_EACH(u, U) {
            vec<C> x[M];
            LS_EACH(j, M) x[j] = Port<C, In>::load(z + (k + j) * A.logits.of_class + u * W);
            LS_EACH(j, M) Port<C, C>::store(e + (k + j) * N + u * W, x[j]);
            Seen<In, C>::template add<M>(seen[u], x);
        }
    }

    // Whether all rows that count can be solved so.
    bool read(const In* z) {
        if (Apart) {
            int64_t k = 0;
            for (; k + 4 <= A.K; k += 4) copied<4>(z, k);
            for (; k < A.K; k++) copied<1>(z, k);
        } else {
            Blocks<In, C, U>::gather(z, A.logits.of_row[DIMS - 1], A.K, e, seen);
        }
        const double most = Limits<In>::most, reach = Below<C>::reach < most ? Below<C>::reach : most;
        for (int i = 0; i < N; i++) {
            const int u = i / W, lane = i % W;
            const double top = double(seen[u].top[lane]), all = ((const double*)&seen[u].all)[lane];
            below[i] = all - double(A.K) * top;
            const bool shows = Limits<In>::shows ? below[i] > -most : double(seen[u].least[lane]) >= -most && all == all;
            if (counted[i] != 0 && !(fabs(top) <= reach && shows)) return false;
            z_y[i] = double(e[label[i] * N + i]);
        }
        for (int u = 0; u < U; u++) {
            if (any_of(absolute<C>(seen[u].top) > C(32))) sum_below(u);
        }
        return true;
    }

    // Where logits share a large part.
    void sum_below(int u) {
        Lanes<C> all;
        for (int64_t k = 0; k < A.K; k++) Lanes<C>::add(all, Port<C, C>::load(e + k * N + u * W) - seen[u].top);
        Lanes<C>::store(all, below + u * W);
    }

    // Σ exp without one of the largest.
    void exps() {
        for (int u = 0; u < U; u++) {
            const Below<C> b(seen[u].top);
            Lanes<C> left;
            whole<C> tops = {};
            vec<C> peak;
            int64_t k = 0;
            for (; k + 4 <= A.K; k += 4) Lanes<C>::add(left, some<4>(k, u, b, tops));
            for (; k < A.K; k++) Lanes<C>::add(left, some<1>(k, u, b, tops));
            Below<C>::template exps<1>(b, &b.top, &peak);
            Lanes<C>::add(left, (__builtin_convertvector(tops, vec<C>) - C(1)) * peak);
            Lanes<C>::store(left, rest + u * W);
            for (int i = 0; i < W / D; i++) {
                Port<double, double>::store(e_top + u * W + i * D, Below<C>::of_top(b, i));
                Port<double, double>::store(e_peak + u * W + i * D, widened(peak, i));
            }
        }
    }

    // Σ exp of some classes, without the largest.
    template <int M>
    vec<C> some(int64_t k, int u, const Below<C>& b, whole<C>& tops) {
        C* const at = e + k * N + u * W;
        vec<C> z[M], x[M];
        whole<C> zero[M];
        LS_EACH(j, M) z[j] = Port<C, C>::load(at + j * N);
        Below<C>::template exps<M>(b, z, x);
        LS_EACH(j, M) zero[j] = (whole<C>)(z[j] == b.top);
        LS_EACH(j, M) Port<C, C>::store(at + j * N, x[j]);
        LS_EACH(j, M) x[j] = (vec<C>)((whole<C>)x[j] & ~zero[j]);
        LS_EACH(j, M) tops -= zero[j];
        return tree<M>(x);
    }

    // The losses; and of the rows' gradients what does not depend on the class.
    void losses(double* loss) {
        alignas(64) double e_y[N], d_y[N];
        for (int i = 0; i < N; i++) {
            e_y[i] = double(e[label[i] * N + i]);
            d_y[i] = z_y[i] - double(seen[i / W].top[i % W]);
        }
        for (int i = 0; i < N; i += D) {
            const auto of = [i](const double* p) { return Port<double, double>::load(p + i); };
            const vec<double> left = of(rest), most = of(e_top), total = left + most, m = of(mass), y = of(e_y), d = of(d_y);
            const vec<double> without = left + (of(e_peak) - y);
            Port<double, double>::store(loss + i, m * log1p_of(left / most) - of(own) * d - of(each) * (of(below) - d));
            const auto likely = sizeof(C) == 8 ? y == y : y > without;  // then p − q is minus the sum of the others'
            const vec<double> p = m * ((likely ? without : y) / total), h = likely ? of(others) - p : p - of(own);
            Port<double, double>::store(at_y + i, h);
            Port<double, double>::store(least_of_y + i, Gate<In, C>::of_p * absolute<double>(p) - absolute<double>(h));
            Port<double, double>::store(mass + i, m / total);
        }
    }

    // Writes the gradient; false where its error may be beyond the gate, and then, where classes are not apart, nothing.
    bool gradient(In* g) {
        bool is_smooth = true;
        for (int i = 0; i < N; i++) {
            is_smooth = is_smooth && (counted[i] == 0 || smooth<In, C>(fabs(each[i]), at_y[i], factor[i]));
        }
        if (!all_count) clear();
        if constexpr (Apart) {
            if (is_smooth) return write_apart(g), true;
        }
        if (!(is_smooth ? write_smooth(g) : write_judged(g))) return false;
        for (int i = 0; i < N; i++) {
            if (counted[i] != 0) put(g + label[i] * A.gradient.of_class + i * A.gradient.of_row[DIMS - 1], factor[i] * at_y[i]);
        }
        return true;
    }

    // Rows that do not count may hold anything.
    void clear() {
        for (int i = 0; i < N; i++) {
            if (counted[i] == 0) mass[i] = each[i] = at_y[i] = 0, least_of_y[i] = 0;
        }
        for (int u = 0; u < U; u++) {
            const whole<C> keep = (whole<C>)(Port<C, C>::load(counted + u * W) != C(0));
            for (int64_t k = 0; k < A.K; k++) {
                C* const at = e + k * N + u * W;
                Port<C, C>::store(at, (vec<C>)((whole<C>)Port<C, C>::load(at) & keep));
            }
        }
    }

    bool write_smooth(In* g) const {
        vec<C> c[U], back[U];
        factors(c, back);
        Blocks<In, C, U>::scatter(e, A.K, g, A.gradient.of_row[DIMS - 1], c, back);
        return true;
    }

    void factors(vec<C>* c, vec<C>* back) const {
        for (int i = 0; i < N; i++) c[i / W][i % W] = C(factor[i] * mass[i]), back[i / W][i % W] = C(factor[i] * each[i]);
    }

    // Here the label's number is put in on the way: its place is as far from the last one as any.
    void write_apart(In* g) const {
        const bool aligned = (uintptr_t(g) | uintptr_t(A.gradient.of_class * int64_t(sizeof(In)))) % sizeof(vec<C>) == 0;
        if constexpr (Number<C, In>::streams) {
            if (aligned && batch.far) {
                planes<true>(g);
                return settle_stores();
            }
        }
        planes<false>(g);
    }

    template <bool Stream>
    void planes(In* g) const {
        vec<C> c[U], back[U], own_y[U];
        whole<C> y[U], at = {};
        factors(c, back);
        for (int i = 0; i < N; i++) own_y[i / W][i % W] = C(factor[i] * at_y[i]), y[i / W][i % W] = label[i];
        for (int64_t k = 0; k < A.K; k++, at += 1, g += A.gradient.of_class) {
            LS_EACH(u, U) {
                vec<C> h = c[u] * Port<C, C>::load(e + k * N + u * W) - back[u];
                h = y[u] == at ? own_y[u] : h;
                if constexpr (Stream) {
                    Number<C, In>::stream(g + u * W, h);
                } else {
                    Number<C, In>::store(g + u * W, h);
                }
            }
        }
    }

    // As for a row, e of the labels is 0: their numbers come last.
    bool write_judged(In* g) {
        constexpr bool judged = Gate<In, C>::of_p != 0;
        Split<C> c[U], back[U];
        vec<C> f[U], worst[U] = {}, most[U];
        for (int i = 0; i < N; i++) {
            const int u = i / W, lane = i % W;
            e[label[i] * N + i] = 0;
            c[u].high[lane] = C(mass[i]), c[u].low[lane] = C(mass[i] - double(C(mass[i])));
            back[u].high[lane] = C(each[i]), back[u].low[lane] = C(each[i] - double(C(each[i])));
            f[u][lane] = C(factor[i]), most[u][lane] = C(fabs(at_y[i]));
        }
        for (int64_t k = 0; k < A.K; k++) {
            LS_EACH(u, U) {
                const vec<C> x = Port<C, C>::load(e + k * N + u * W);
                vec<C> h = c[u].high * x - back[u].high;
                if (judged) {
                    h += c[u].low * x - back[u].low;
                    const vec<C> size = absolute<C>(h);
                    most[u] = larger<C>(size, most[u]);
                    worst[u] = larger<C>(C(Gate<In, C>::of_p) * (c[u].high * x) - size, worst[u]);
                }
                if (Apart) {
                    Port<C, In>::store(g + k * A.gradient.of_class + u * W, f[u] * h);
                } else {
                    Port<C, C>::store(e + k * N + u * W, f[u] * h);
                }
            }
        }
        for (int i = 0; judged && i < N; i++) {
            const double largest = double(most[i / W][i % W]) * Gate<In, C>::of_largest;
            if (counted[i] != 0 && !(double(worst[i / W][i % W]) <= largest && least_of_y[i] <= largest)) return false;
        }
        const vec<C> nothing[U] = {};
        vec<C> one[U];
        for (int u = 0; u < U; u++) one[u] = same<C>(C(1));
        if (!Apart) Blocks<In, C, U>::scatter(e, A.K, g, A.gradient.of_row[DIMS - 1], one, nothing);
        return true;
    }

    State solved(const In* z, In* g, int64_t r, double* loss) {
        targets(r);
        if (!read(z)) return ODD;
        exps();
        losses(loss);
        for (int i = 0; i < N; i++) loss[i] = counted[i] != 0 ? loss[i] : 0;
        return !g || gradient(g) ? SOLVED : IMPRECISE;
    }
};

template <class In, class C, int U>
State tile_of(const Arguments& A, const Batch& batch, Scratch& scratch, const In* z, In* g, int64_t r, double* loss) {
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
    if (!batch.constant || !side_by_side(A) || A.mask.at || A.has_below || A.K >= 1 << 24) return false;
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
        const State found = left < N ? ODD : tile_of<In, float, 4>(A, batch, scratch, z, g, r, loss);
        if (found != ODD) done = N;
        for (int64_t i = 0; found == IMPRECISE && i < N; i += 4 * D) {  // the loss is the same with a gradient or without
            tile_of<In, double, 4>(A, batch, scratch, z + i * step, g + i * gradient_step, r + i, dropped);
        }
    }
    if (!done && left >= 4 * D && tile_of<In, double, 4>(A, batch, scratch, z, g, r, loss) != ODD) done = 4 * D;
    if (!done && left >= D && tile_of<In, double, 1>(A, batch, scratch, z, g, r, loss) != ODD) done = D;
    for (int64_t i = 0; i < done; i++) {
        batch.keep_loss(r + i, loss[i]);
        sum += loss[i];
    }
    return done;
}

}  // namespace
