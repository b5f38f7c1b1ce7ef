// A square block of numbers, rows for columns.
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

// Rows for columns, of as many vectors as they have lanes.
template <class C>
LS_INLINE void turn(vec<C>* x) {
    constexpr int W = Vector<C>::width;
    turn_by<C, 1>(x);
    if constexpr (W > 2) turn_by<C, 2>(x);
    if constexpr (W > 4) turn_by<C, 4>(x);
    if constexpr (W > 8) turn_by<C, 8>(x);
}

}  // namespace
