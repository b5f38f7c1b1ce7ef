// How far numbers may go before a row is looked at more closely, and how near to the target a gradient in float is trusted.
#pragma once

#include "vectors.h"

namespace {

template <class In>
struct Limits;  // logits beyond these are looked at one by one: masked, not finite, or as low as masks are written
template <>
struct Limits<float> {
    static constexpr bool shows = true;  // in sums
    static constexpr double most = 1e30, masked = -1.7014118e38;
};
template <>
struct Limits<bf16> {
    static constexpr bool shows = true;
    static constexpr double most = 1e30, masked = -1.6947656e38;
};
template <>
struct Limits<f16> {
    static constexpr bool shows = false;
    static constexpr double most = 32000, masked = -32752;
};
template <>
struct Limits<double> {
    static constexpr bool shows = true;
    static constexpr double most = 1e300, masked = -8.9e307;
};

// A gradient found in float is kept only if its error, at most 3.4e-7 of p (4e-7 below e^-30), is within the gate
// 2e-6 (|g| + 0.01 max |g|), where the largest is looked for in the row alone; for half types, within what rounding leaves
// of theirs.
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

}  // namespace
