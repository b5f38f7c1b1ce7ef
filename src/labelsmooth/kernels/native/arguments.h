// What a call gives: the layout of `PACK` in native_cpu.py, eight bytes a field.
#pragma once

#include <stdint.h>

namespace {

constexpr int DIMS = 4;  // of the rows: N, d1, d2, d3

enum Dtype : int64_t { FLOAT32, FLOAT64, BFLOAT16, FLOAT16 };
enum Spread : int64_t { NONE, UNIFORM, OTHERS, SHARED, BY_CLASS, BY_ROW };
enum Divide : int64_t { BY_NUMBER, BY_ROWS, BY_WEIGHTS };
enum Status : int64_t { DONE, OUT_OF_RANGE, OUT_OF_MEMORY };

struct Classes {  // numbers over rows and classes; strides in elements
    int64_t at, of_class, of_row[DIMS];
};

struct Arguments {
    int64_t K, sizes[DIMS], threads, dtype;
    Classes logits, gradient, given, background, mask;
    int64_t given_dtype, background_dtype, spread;
    int64_t labels, keep, on_label, on_background, on_given, class_weight;  // rows in order, or 0
    int64_t factor, factor_dtype, losses, result, result_dtype;
    int64_t divide, ignores, ignore_index, has_below, huge_pages, found;
    double a, b, c, times, divisor, below, of_nothing;
};

struct Found {  // written at `found`
    int64_t status, row, finite_masks;
    double sum, divisor;
};

}  // namespace
