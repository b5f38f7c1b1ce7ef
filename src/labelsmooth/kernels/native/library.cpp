// The door: which instruction sets this library was compiled for, which of them the machine has, and a call by number.
#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "arguments.h"

typedef void (*Run)(const Arguments*);

#if defined(LS_X86)
extern "C" void ls_run_v2(const Arguments*);
extern "C" void ls_run_v3(const Arguments*);
extern "C" void ls_run_v4(const Arguments*);
static const Run table[] = {ls_run_v2, ls_run_v3, ls_run_v4};
static const char* const names[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
#else
extern "C" void ls_run_default(const Arguments*);
static const Run table[] = {ls_run_default};
static const char* const names[] = {"default"};
#endif

static const int64_t huge = int64_t(2) << 20;

#define LS_PUBLIC __attribute__((visibility("default")))
extern "C" {

LS_PUBLIC int64_t ls_abi(void) { return 2; }

LS_PUBLIC int64_t ls_sets(void) { return int64_t(sizeof table / sizeof *table); }

LS_PUBLIC const char* ls_name(int64_t set) { return set >= 0 && set < ls_sets() ? names[set] : ""; }

LS_PUBLIC int64_t ls_runs(int64_t set) {
#if defined(LS_X86)
    __builtin_cpu_init();
    const bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
    const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
    return set == 0 ? v2 : set == 1 ? v3 : set == 2 && v4;
#else
    return set == 0;
#endif
}

LS_PUBLIC int64_t ls_openmp(void) {
#ifdef _OPENMP
    return 1;
#else
    return 0;
#endif
}

// Asks for huge pages under fresh memory: two thirds of writing a large new buffer are page faults otherwise.
LS_PUBLIC int64_t ls_huge_pages(int64_t at, int64_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const int64_t first = (at + huge - 1) / huge * huge, last = (at + bytes) / huge * huge;
    return last > first && madvise((void*)first, size_t(last - first), MADV_HUGEPAGE) == 0;
#else
    return (void)at, (void)bytes, 0;
#endif
}

// How far the rows' sums are from 1 at most, and the least number; NaN where one is NaN. Rows lie `step` apart.
LS_PUBLIC void ls_scan(int64_t at, int64_t wide, int64_t rows, int64_t K, int64_t step, int64_t threads, double* out) {
    double off = 0, low = INFINITY;
    int64_t odd = 0;
#pragma omp parallel for num_threads(threads) if (threads > 1) reduction(max : off, odd) reduction(min : low)
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0, least = INFINITY;
        if (wide) {
            const double* p = (const double*)at + r * step;
#pragma omp simd reduction(+ : sum) reduction(min : least)
            for (int64_t k = 0; k < K; k++) sum += p[k], least = p[k] < least ? p[k] : least;
        } else {
            float few = INFINITY;
            const float* p = (const float*)at + r * step;
#pragma omp simd reduction(+ : sum) reduction(min : few)
            for (int64_t k = 0; k < K; k++) sum += double(p[k]), few = p[k] < few ? p[k] : few;
            least = few;
        }
        const double from_one = sum > 1 ? sum - 1 : 1 - sum;
        odd = sum != sum ? 1 : odd;
        off = from_one > off ? from_one : off;
        low = least < low ? least : low;
    }
    out[0] = odd ? NAN : off;
    out[1] = odd ? NAN : low;
}

LS_PUBLIC void ls_run(int64_t set, const Arguments* given) { table[set](given); }

// A call as one before, with these places; nonzero where there is something to say, which `ls_run` tells.
LS_PUBLIC int64_t ls_again(int64_t set, const Arguments* before, int64_t logits, int64_t gradient, int64_t labels,
                           int64_t result) {
    Arguments now = *before;
    Found found;
    now.logits.at = logits, now.gradient.at = gradient, now.labels = labels, now.result = result;
    now.found = int64_t(&found);
    table[set](&now);
    return found.status != DONE || found.finite_masks;
}
}
