// The door: which instruction sets this library was compiled for, which of them the machine has, and a call by number.
#include <stdint.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

struct Arguments;
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

LS_PUBLIC int64_t ls_abi(void) { return 1; }

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

LS_PUBLIC void ls_run(int64_t set, const Arguments* given) { table[set](given); }
}
