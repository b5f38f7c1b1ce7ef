// A square block of numbers, rows for columns: first within 16 bytes of as many rows, then these as wholes.
#pragma once

#include "vectors.h"

namespace {

template <int... L>
struct LaneNumbers {};
template <int N, int... L>
struct CountLanes : CountLanes<N - 1, N - 1, L...> {};
template <int... L>
struct CountLanes<0, L...> {
    typedef LaneNumbers<L...> type;
};

#if defined(__clang__) || __GNUC__ >= 12
#define LS_PICK(C, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define LS_PICK(C, a, b, ...) __builtin_shuffle(a, b, whole<C>{__VA_ARGS__})
#endif

// In each block of E lanes: pairs of S lanes, one of a and one of b in turn, from the first half of the block or the second.
template <class C, int E, int S, int... L>
LS_INLINE void mix(vec<C>& a, vec<C>& b, LaneNumbers<L...>) {
    constexpr int W = Vector<C>::width;
    const vec<C> low = LS_PICK(C, a, b, ((L & S ? W : 0) + L / E * E + L % E / (2 * S) * S + L % S)...);
    const vec<C> high = LS_PICK(C, a, b, ((L & S ? W : 0) + L / E * E + E / 2 + L % E / (2 * S) * S + L % S)...);
    a = low, b = high;
}

// Of two rows S apart, swaps what lies on the wrong side of the diagonal of each block of 2S × 2S numbers.
template <class C, int S, int... L>
LS_INLINE void swap_blocks(vec<C>& a, vec<C>& b, LaneNumbers<L...>) {
    constexpr int W = Vector<C>::width;
    const vec<C> low = LS_PICK(C, a, b, (L & S ? W + L - S : L)...), high = LS_PICK(C, a, b, (L & S ? W + L : L + S)...);
    a = low, b = high;
}

template <class C, int S>
LS_INLINE void turn_by(vec<C>* x) {
    LS_EACH(i, Vector<C>::width) {
        if (!(i & S)) swap_blocks<C, S>(x[i], x[i + S], typename CountLanes<Vector<C>::width>::type());
    }
}

// E × E blocks, E numbers to 16 bytes.
template <class C, int E>
LS_INLINE void turn_within(vec<C>* x) {
    typedef typename CountLanes<Vector<C>::width>::type Lanes;
    if constexpr (E == 2) {
        mix<C, 2, 1>(x[0], x[1], Lanes());
    } else {
        mix<C, 4, 1>(x[0], x[1], Lanes());
        mix<C, 4, 1>(x[2], x[3], Lanes());
        mix<C, 4, 2>(x[0], x[2], Lanes());
        mix<C, 4, 2>(x[1], x[3], Lanes());
        const vec<C> second = x[2];
        x[2] = x[1], x[1] = second;
    }
}

// Rows for columns, of as many vectors as they have lanes.
template <class C>
LS_INLINE void turn(vec<C>* x) {
    constexpr int W = Vector<C>::width, E = 16 / sizeof(C);
    LS_EACH(i, W / E) turn_within<C, E>(x + i * E);
    if constexpr (W > E) turn_by<C, E>(x);
    if constexpr (W > 2 * E) turn_by<C, 2 * E>(x);
}

}  // namespace
