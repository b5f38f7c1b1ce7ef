// The targets q = a·e_y + b·r + c·t of a row, as `solve` wants them; and rows in which classes are masked.
#pragma once

#include "arguments.h"
#include "row.h"

namespace {

constexpr int64_t SHORT = 112;  // rows of up to so many classes are solved side by side; longer ones are faster alone

inline bool side_by_side(const Arguments& A) { return A.logits.of_class != 1 || A.K <= SHORT; }

// Room for one row of one thread: 64 bytes more than K numbers each, so that the last vector may reach beyond.
struct Scratch {
    char* all;
    float *exps32, *q32;
    double *exps64, *q64, *z64, *tile;
    int64_t* classes;
    char *logits, *gradient;

    explicit Scratch(const Arguments& A);
    ~Scratch() {
        if (all != own) free(all);
    }
    bool ready() const { return all != nullptr; }
    template <class C>
    C* exps();
    template <class C>
    C* q();

  private:
    char own[4096];  // a small call needs no malloc
};
template <>
float* Scratch::exps<float>() {
    return exps32;
}
template <>
double* Scratch::exps<double>() {
    return exps64;
}
template <>
float* Scratch::q<float>() {
    return q32;
}
template <>
double* Scratch::q<double>() {
    return q64;
}

struct Numbers {  // float32 or float64, with a step
    const void* at;
    bool wide;
    int64_t step;
    double operator[](int64_t k) const {
        return wide ? ((const double*)at)[k * step] : double(((const float*)at)[k * step]);
    }
};

struct Row {
    int64_t label;  // −1: none
    double a, b, c;
    Numbers given, background;
};

struct Batch {
    const Arguments& A;
    int64_t rows, chunk;
    double divisor, unit;  // what the sum of the losses is divided by; the factor of a row before its own
    double shared;         // Σ of the one background of all rows
    bool constant;         // no array of q is needed unless a class is masked
    bool one_target;       // by_number is the same for all rows
    bool far;              // the gradient is beyond any cache: memory written past it is not read first
    Target target;

    explicit Batch(const Arguments& A) : A(A), divisor(A.divisor), unit(A.times / A.divisor), shared(0) {
        rows = A.sizes[0] * A.sizes[1] * A.sizes[2] * A.sizes[3];
        chunk = 32768 / (A.K < 1 ? 1 : A.K);
        chunk = chunk < 1 ? 1 : chunk > 1024 ? 1024 : chunk;
        const int64_t bytes = rows * A.K * (A.dtype == FLOAT64 ? 8 : A.dtype == FLOAT32 ? 4 : 2);
        far = bytes >= int64_t(64) << 20;
        if (side_by_side(A)) chunk = (chunk + 63) / 64 * 64;
        one_target = !A.on_label && !A.on_background;
        if (one_target) target = spread_out(A.a, A.b);
        constant = !A.given.at && !A.class_weight && A.spread <= OTHERS;
        if (A.spread == SHARED) shared = sum({(const void*)A.background.at, A.background_dtype == FLOAT64, A.background.of_class});
    }

    const int64_t* labels() const { return (const int64_t*)A.labels; }
    const double* weight() const { return (const double*)A.class_weight; }

    bool counts(int64_t r) const {
        return (!A.keep || ((const uint8_t*)A.keep)[r]) && (!A.ignores || labels()[r] != A.ignore_index);
    }

    // Looks at every label, and counts what the mean divides by.
    bool check(Found& found) {
        if (!A.labels) return true;
        const int64_t* y = labels();
        double count = 0;
        for (int64_t r = 0; r < rows; r++) {
            const bool ignored = A.ignores && y[r] == A.ignore_index;
            if (uint64_t(y[r]) >= uint64_t(A.K) && !ignored && (A.ignores || counts(r))) {
                found.status = OUT_OF_RANGE;
                found.row = r;
                return false;
            }
            if (A.divide == BY_ROWS) count += !ignored;
            if (A.divide == BY_WEIGHTS && !ignored) count += weight()[y[r]];
        }
        if (A.divide != BY_NUMBER) divisor = count;
        unit = A.times / divisor;
        return true;
    }

    double factor(int64_t r) const {
        double x = unit;
        if (A.factor) x *= A.factor_dtype == FLOAT64 ? ((const double*)A.factor)[r] : ((const float*)A.factor)[r];
        return x;
    }

    void keep_loss(int64_t r, double loss) const {
        if (!A.losses) return;
        if (A.result_dtype == FLOAT64) {
            ((double*)A.losses)[r] = loss;
        } else {
            ((float*)A.losses)[r] = float(loss);
        }
    }

    static double amount(int64_t at, double number, int64_t r) { return at ? ((const double*)at)[r] : number; }

    Row row(int64_t r, int64_t given_at, int64_t background_at) const {
        Row row;
        row.label = A.labels ? labels()[r] : -1;
        row.a = amount(A.on_label, A.a, r);
        row.b = A.spread == NONE ? 0 : amount(A.on_background, A.b, r);
        row.c = amount(A.on_given, A.c, r);
        row.given = {at(A.given.at, A.given_dtype, given_at), A.given_dtype == FLOAT64, A.given.of_class};
        int64_t start = A.spread == BY_ROW ? background_at : 0;
        if (A.spread == BY_CLASS) start = row.label * A.background.of_row[0];
        const bool wide = A.background_dtype == FLOAT64;
        row.background = {at(A.background.at, A.background_dtype, start), wide, A.background.of_class};
        return row;
    }

    static const void* at(int64_t base, int64_t dtype, int64_t offset) {
        return base ? (const char*)base + offset * (dtype == FLOAT64 ? 8 : 4) : nullptr;
    }

    Target by_number(int64_t r) const {
        if (!one_target) return spread_out(amount(A.on_label, A.a, r), amount(A.on_background, A.b, r));
        return target;
    }

    Target spread_out(double a, double b) const {
        if (A.spread == NONE) b = 0;
        const int64_t spread_over = A.K - (A.spread == OTHERS);
        double own = a, each = spread_over ? b / double(spread_over) : 0;
        if (!spread_over) own += b;
        if (A.spread == UNIFORM) own += each;
        const double others = each * double(A.K - 1);
        return {own + others, own, others, each, 0, true};
    }

    // Whether q but for the label's share is a multiple of one array of numbers in a row, and a number.
    bool from_source(bool given) const {
        if (A.class_weight) return false;
        if (given) return A.given.at && A.given.of_class == 1 && A.spread <= OTHERS && !(A.spread == OTHERS && A.labels);
        return !A.given.at && A.spread >= SHARED && A.background.of_class == 1;
    }

    // The target from the sum of its source and the source at the pivot; it does not fit where nothing is to be spread.
    Target settled(const Row& row, double sum, double at_pivot) const {
        double each = 0, scale = row.c;
        if (!row.given.at) {
            scale = row.b == 0 ? 0 : row.b / sum;
        } else if (A.spread == UNIFORM) {
            each = row.b / double(A.K);
        } else if (A.spread == OTHERS) {
            each = row.b / double(A.K - 1);
            scale -= each / sum;
        }
        const bool sums = sum > 0 && sum < INFINITY, fits = row.b == 0 || A.spread == UNIFORM || (sums && A.K > 1);
        const double own = (row.label < 0 ? 0 : row.a) + scale * at_pivot + each;
        const double others = scale * (sum - at_pivot) + each * double(A.K - 1);
        return {own + others, own, others, each, scale, fits};
    }

    // Every q written out, all classes allowed; 0 at the pivot, the label or `top`.
    template <class C>
    Target written(int64_t r, int64_t given_at, int64_t background_at, int64_t top, Scratch& scratch) const {
        Row row = this->row(r, given_at, background_at);
        C* const q = scratch.q<C>();
        const double* w = weight();
        const int64_t K = A.K;
        double given = 0, spread = 0;
        if (row.given.at) given = sum(row.given);
        if (A.spread >= SHARED) spread = A.spread == SHARED ? shared : sum(row.background);
        if (A.spread == UNIFORM) spread = double(K);
        if (A.spread == OTHERS) spread = row.label >= 0 ? double(K - 1) : given * double(K - 1);
        if (row.b != 0 && !(spread > 0)) {
            (row.label >= 0 ? row.a : row.c) += row.b;
            row.b = 0;
        }
        for (int64_t k = 0; k < K; k++) q[k] = 0;
        if (row.given.at && row.c != 0) add(q, row.given, row.c);
        if (row.b != 0) add_background(q, row, given, row.b / spread);
        const int64_t pivot = row.label >= 0 ? row.label : top;
        double own = double(q[pivot]);
        if (sizeof(C) == 4) own = exact(row, pivot, given, spread);  // the float next to it is not what others sum with
        if (row.label >= 0) own += row.a;
        if (w) own *= w[pivot];
        q[pivot] = 0;
        double others = 0;
        if (w) {
#pragma omp simd reduction(+ : others)
            for (int64_t k = 0; k < K; k++) {
                q[k] = C(q[k] * w[k]);
                others += double(q[k]);
            }
        } else {
#pragma omp simd reduction(+ : others)
            for (int64_t k = 0; k < K; k++) others += double(q[k]);
        }
        for (int64_t k = K; k < K + int64_t(64 / sizeof(C)); k++) q[k] = 0;
        return {own + others, own, others, 0, 1, true};
    }

    double exact(const Row& row, int64_t k, double given, double spread) const {
        double q = row.given.at ? row.c * row.given[k] : 0;
        if (row.b == 0) return q;
        if (A.spread == UNIFORM) return q + row.b / spread;
        if (A.spread == OTHERS) return q + (row.label >= 0 ? 0 : row.b / spread * (given - row.given[k]));
        return q + row.b / spread * row.background[k];
    }

    double sum(const Numbers& x) const {
        double total = 0;
        if (x.wide && x.step == 1) {
            const double* p = (const double*)x.at;
#pragma omp simd reduction(+ : total)
            for (int64_t k = 0; k < A.K; k++) total += p[k];
        } else if (x.step == 1) {
            const float* p = (const float*)x.at;
#pragma omp simd reduction(+ : total)
            for (int64_t k = 0; k < A.K; k++) total += double(p[k]);
        } else {
            for (int64_t k = 0; k < A.K; k++) total += x[k];
        }
        return total;
    }

    template <class C>
    void add(C* q, const Numbers& x, double times) const {
        if (x.wide && x.step == 1) {
            const double* p = (const double*)x.at;
            for (int64_t k = 0; k < A.K; k++) q[k] = C(double(q[k]) + times * p[k]);
        } else if (x.step == 1) {
            const float* p = (const float*)x.at;
            const C f = C(times);
            for (int64_t k = 0; k < A.K; k++) q[k] += f * C(p[k]);
        } else {
            for (int64_t k = 0; k < A.K; k++) q[k] = C(double(q[k]) + times * x[k]);
        }
    }

    template <class C>
    void add_background(C* q, const Row& row, double given, double times) const {
        if (A.spread >= SHARED) return add(q, row.background, times);
        if (A.spread == OTHERS && row.label < 0) {
            for (int64_t k = 0; k < A.K; k++) q[k] = C(double(q[k]) + times * (given - row.given[k]));
            return;
        }
        for (int64_t k = 0; k < A.K; k++) q[k] += C(times);
        if (A.spread == OTHERS) q[row.label] = C(row.given.at ? row.c * row.given[row.label] : 0);
    }
};

Scratch::Scratch(const Arguments& A) {
    const int64_t K = (A.K + 64 + 63) / 64 * 64, wide = A.dtype == FLOAT64 ? 8 : 4;
    const bool copies = A.logits.of_class != 1 || A.gradient.at == A.logits.at || (A.gradient.at && A.gradient.of_class != 1);
    const int64_t tiled = side_by_side(A) ? 4 * LS_BYTES * K : 0;
    const int64_t parts[9] = {4 * K, 4 * K, 8 * K, 8 * K, 8 * K, 8 * K, copies * wide * K, copies * wide * K, tiled};
    int64_t bytes = 64;
    for (int64_t part : parts) bytes += part;
    all = bytes <= int64_t(sizeof own) ? own : (char*)malloc(size_t(bytes));
    char* at = (char*)((uintptr_t(all) + 63) & ~uintptr_t(63));
    char* starts[9];
    for (int i = 0; i < 9; i++) {
        starts[i] = at;
        at += parts[i];
    }
    exps32 = (float*)starts[0], q32 = (float*)starts[1];
    exps64 = (double*)starts[2], q64 = (double*)starts[3], z64 = (double*)starts[4];
    classes = (int64_t*)starts[5];
    logits = starts[6], gradient = starts[7];
    tile = (double*)starts[8];
}

// A row in which some class is forbidden or odd: the allowed classes are moved together and solved in double.
template <class In>
struct Masked {
    const Arguments& A;
    const Row& row;
    const In* z;
    const uint8_t* mask;

    bool allowed(int64_t k) const {
        const double x = number(z[k]);
        if (x == -INFINITY || (A.has_below && x < A.below)) return false;
        return !mask || mask[k * A.mask.of_class];
    }

    double raw(int64_t k, double given) const {
        if (A.spread == UNIFORM) return 1;
        if (A.spread == OTHERS) return row.label >= 0 ? double(k != row.label) : given - row.given[k];
        return row.background[k];
    }

    struct Totals {
        int64_t n;                      // allowed classes
        double given, given_left, left;  // Σ t, Σ t and Σ r over the allowed classes
    };

    Totals gather(Scratch& s) const {
        Totals t = {0, 0, 0, 0};
        if (row.given.at) {
            for (int64_t k = 0; k < A.K; k++) t.given += row.given[k];
        }
        for (int64_t k = 0; k < A.K; k++) {
            if (!allowed(k)) continue;
            s.classes[t.n] = k;
            s.z64[t.n] = number(z[k]);
            if (row.given.at) t.given_left += row.given[k];
            if (A.spread != NONE) t.left += raw(k, t.given);
            t.n++;
        }
        return t;
    }

    double weight(int64_t k) const { return A.class_weight ? ((const double*)A.class_weight)[k] : 1; }

    double solved(Scratch& s, In* g, double factor, int64_t& finite_masks) const {
        const Totals t = gather(s);
        const bool whole = t.n == A.K || !(t.given_left > 0);
        const double scale = whole ? 1 : t.given / t.given_left;
        double a = row.a, b = row.b, c = row.c;
        if (A.spread != NONE && !(t.left > 0)) {
            (row.label >= 0 ? a : c) += b;
            b = 0;
        }
        bool forbidden = row.label >= 0 && a != 0 && weight(row.label) != 0 && !allowed(row.label);
        if (row.given.at && whole && c != 0 && t.n < A.K) {
            for (int64_t k = 0; k < A.K; k++) forbidden |= row.given[k] * weight(k) != 0 && !allowed(k);
        }
        for (int64_t i = 0; i < t.n; i++) {
            const int64_t k = s.classes[i];
            double q = row.label == k ? a : 0;
            if (row.given.at) q += c * scale * row.given[k];
            if (b != 0) q += b / t.left * raw(k, t.given);
            s.q64[i] = q * weight(k);
            finite_masks |= s.z64[i] <= Limits<In>::masked && s.q64[i] != 0;
        }
        if (g) {
            for (int64_t k = 0; k < A.K; k++) put(g + k, 0);
        }
        if (forbidden) return INFINITY;
        return t.n ? compact(s, t.n, g, factor) : 0;
    }

    double compact(Scratch& s, int64_t n, In* g, double factor) const {
        double *z = s.z64, *q = s.q64, *e = s.exps64, top = -INFINITY;
        int64_t at = 0;
        bool odd = false;
        for (int64_t i = 0; i < n; i++) {
            odd |= !(z[i] < INFINITY);
            if (z[i] > top) top = z[at = i];
        }
        if (odd) {
            for (int64_t i = 0; g && i < n; i++) put(g + s.classes[i], NAN);
            return NAN;
        }
        double rest = 0, inner = 0, mass = q[at];
        for (int64_t i = 0; i < n; i += Vector<double>::width) {
            const int some = n - i < Vector<double>::width ? int(n - i) : Vector<double>::width;
            const vec<double> d = load_some<double, double>(z + i, some, top) - top;
            vec<double> x;
            exp_of<1>(&d, &x);
            Port<double, double>::store(e + i, x);
        }
        for (int64_t i = 0; i < n; i++) {
            if (i == at) continue;
            rest += e[i];
            mass += q[i];
            if (q[i] != 0) inner += q[i] * (z[i] - top);
        }
        if (g) gradient(s, n, at, rest, mass, g, factor);
        return mass * log1p(rest) - inner;
    }

    void gradient(Scratch& s, int64_t n, int64_t at, double rest, double mass, In* g, double factor) const {
        double others = 0;
        const double scale = mass / (1 + rest);
        for (int64_t i = 0; i < n; i++) {
            if (i == at) continue;
            const double h = scale * s.exps64[i] - s.q64[i];
            others += h;
            put(g + s.classes[i], factor * h);
        }
        put(g + s.classes[at], factor * (rest < 1 ? -others : scale - s.q64[at]));
    }
};

}  // namespace
