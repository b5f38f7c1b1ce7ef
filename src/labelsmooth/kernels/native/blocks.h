// Short rows turned round in blocks, so that a vector holds a class of several rows; and back.
#pragma once

#include "sums.h"
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

// What is looked for in some classes of W rows.
template <class In, class C>
struct Seen {
    vec<C> top = same<C>(C(-INFINITY)), least = same<C>(C(INFINITY));
    Lanes<C> all;

    template <int M>
    LS_INLINE void add(Seen& seen, const vec<C>* x) {
        LS_EACH(j, M) seen.top = larger<C>(x[j], seen.top);
        if (!Limits<In>::shows) {
            LS_EACH(j, M) seen.least = smaller<C>(x[j], seen.least);
        }
        Lanes<C>::add(seen.all, tree<M>(x));
    }
};

// Rows to K × U vectors at `e`, and back; rows lie `step` apart.
template <class In, class C, int U>
struct Blocks {
    static constexpr int W = Vector<C>::width, N = U * W;

    // A block of W rows and classes; only the first n classes where n < W. Classes before `from` were seen.
    template <bool Whole>
    LS_INLINE void take(const In* z, int64_t step, C* to, int n, int from, Seen<In, C>& seen) {
        vec<C> x[W];
        LS_EACH(i, W) x[i] = Whole ? Port<C, In>::load(z + i * step) : load_some<C, In>(z + i * step, n, C(0));
        turn<C>(x);
        LS_EACH(j, W) {
            if (Whole || j < n) Port<C, C>::store(to + j * N, x[j]);
        }
        if (Whole && !from) return Seen<In, C>::template add<W>(seen, x);
        for (int j = from; j < n; j++) Seen<In, C>::template add<1>(seen, x + j);
    }

    // c·x − back.
    template <bool Whole>
    LS_INLINE void put_back(const C* from, In* g, int64_t step, int n, vec<C> c, vec<C> back) {
        vec<C> x[W];
        LS_EACH(j, W) x[j] = Whole || j < n ? c * Port<C, C>::load(from + j * N) - back : vec<C>{};
        turn<C>(x);
        LS_EACH(i, W) {
            if constexpr (Whole) {
                Number<C, In>::store(g + i * step, x[i]);
            } else {
                store_some<C, In>(g + i * step, x[i], n);
            }
        }
    }

    static void gather(const In* z, int64_t step, int64_t K, C* e, Seen<In, C>* seen) {
        const int more = K < W ? int(K) : int(K % W);
        for (int u = 0; u < U; u++, z += W * step, e += W) {
            Seen<In, C> found;
            for (int64_t k = 0; k + W <= K; k += W) take<true>(z + k, step, e + k * N, W, 0, found);
            if (K >= W && more) take<true>(z + K - W, step, e + (K - W) * N, W, W - more, found);
            if (K < W) take<false>(z, step, e, more, 0, found);
            seen[u] = found;
        }
    }

    static void scatter(const C* e, int64_t K, In* g, int64_t step, const vec<C>* c, const vec<C>* back) {
        for (int u = 0; u < U; u++, g += W * step, e += W) {
            for (int64_t k = 0; k + W <= K; k += W) put_back<true>(e + k * N, g + k, step, W, c[u], back[u]);
            if (K >= W && K % W) put_back<true>(e + (K - W) * N, g + K - W, step, W, c[u], back[u]);
            if (K < W) put_back<false>(e, g, step, int(K), c[u], back[u]);
        }
    }
};

}  // namespace
