// All rows of a call, in chunks that depend on nothing but the shape: the bits do not follow the number of threads.
#include "arguments.h"
#include "row.h"
#include "target.h"
#include "tile.h"

namespace {

template <class In>
struct Rows {
    const Arguments& A;
    const Batch& batch;
    Scratch& scratch;
    Found& found;

    // Where row number r starts, and where its neighbours do.
    static int64_t offset(const Arguments& A, const Classes& x, int64_t r) {
        int64_t at = 0;
        for (int i = DIMS - 1; i > 0; i--) {
            if (A.sizes[i] == 1) continue;
            if (r < A.sizes[i]) return at + r * x.of_row[i];
            at += r % A.sizes[i] * x.of_row[i];
            r /= A.sizes[i];
        }
        return at + r * x.of_row[0];
    }

    void clear(In* g, int64_t step) {
        for (int64_t k = 0; k < A.K; k++) memset(g + k * step, 0, sizeof(In));
    }

    double one(int64_t r) {
        In* const g = A.gradient.at ? (In*)A.gradient.at + offset(A, A.gradient, r) : nullptr;
        if (!batch.counts(r)) {
            if (g) clear(g, A.gradient.of_class);
            return 0;
        }
        const In* z = (const In*)A.logits.at + offset(A, A.logits, r);
        const In* ahead = z;
        if (A.logits.of_class != 1) {
            In* copy = (In*)scratch.logits;
            for (int64_t k = 0; k < A.K; k++) copy[k] = z[k * A.logits.of_class];
            z = ahead = copy;
        } else {
            ahead = z + A.logits.of_row[DIMS - 1];
        }
        In* const to = !g || direct() ? g : (In*)scratch.gradient;
        const double loss = solved(z, ahead, r, to);
        if (to != g) {
            for (int64_t k = 0; k < A.K; k++) g[k * A.gradient.of_class] = to[k];
        }
        return loss;
    }

    bool direct() const { return A.gradient.of_class == 1 && A.gradient.at != A.logits.at; }
    bool stream() const { return batch.far && direct(); }

    double solved(const In* z, const In* ahead, int64_t r, In* g) {
        const double factor = batch.factor(r);
        if (!A.mask.at && !A.has_below) {
            if constexpr (sizeof(In) < 8) {
                if (A.K > 64) {
                    const Outcome found = plain<float>(z, ahead, r, g, factor);
                    if (found.state == ODD) return masked(z, r, g, factor);
                    if (found.state == IMPRECISE) plain<double>(z, z, r, g, factor);
                    if (found.state != FAR) return found.loss;
                }
            }
            const Outcome found = plain<double>(z, ahead, r, g, factor);
            if (found.state != ODD) return found.loss;
        }
        return masked(z, r, g, factor);
    }

    template <class C>
    Outcome plain(const In* z, const In* ahead, int64_t r, In* g, double factor) {
        C* const e = scratch.exps<C>();
        if (batch.constant) {
            const Nothing* none = nullptr;
            const auto known = [&](double, double) { return batch.by_number(r); };
            return solve<In, C, Nothing>(z, ahead, A.K, none, batch.labels()[r], known, e, g, factor, stream());
        }
        const int64_t given_at = offset(A, A.given, r), background_at = offset(A, A.background, r);
        const bool given = batch.from_source(true);
        if (given || batch.from_source(false)) {
            const Row row = batch.row(r, given_at, background_at);
            const Numbers& source = given ? row.given : row.background;
            const Outcome found = source.wide ? sourced<C, double>(z, ahead, row, source, g, factor)
                                              : sourced<C, float>(z, ahead, row, source, g, factor);
            if (found.state != ODD) return found;
        }
        const int64_t pivot = A.labels ? batch.labels()[r] : find_class<In, C>(z, A.K, C(survey<In, C>(z, A.K).top));
        const Target t = batch.template written<C>(r, given_at, background_at, pivot, scratch);
        const auto known = [&](double, double) { return t; };
        return solve<In, C, C>(z, ahead, A.K, (const C*)scratch.q<C>(), pivot, known, e, g, factor, stream());
    }

    template <class C, class S>
    Outcome sourced(const In* z, const In* ahead, const Row& row, const Numbers& source, In* g, double factor) {
        const auto settle = [&](double sum, double at_pivot) { return batch.settled(row, sum, at_pivot); };
        return solve<In, C, S>(z, ahead, A.K, (const S*)source.at, row.label, settle, scratch.exps<C>(), g, factor, stream());
    }

    double masked(const In* z, int64_t r, In* g, double factor) {
        const Row row = batch.row(r, offset(A, A.given, r), offset(A, A.background, r));
        const uint8_t* mask = A.mask.at ? (const uint8_t*)A.mask.at + offset(A, A.mask, r) : nullptr;
        const Masked<In> m{A, row, z, mask};
        return m.solved(scratch, g, factor, found.finite_masks);
    }
};

template <class In>
double chunk(const Arguments& A, const Batch& batch, Scratch& scratch, Found& found, int64_t first, int64_t last) {
    Rows<In> rows{A, batch, scratch, found};
    double sum = 0;
    const bool writes = A.gradient.at != 0, tiles = tiled<In>(A, batch);
    int64_t alone = first;  // rows before this one are solved alone: among them was one that is masked or odd
    int64_t r = first;
    while (r < last) {
        int64_t done = 0;
        if (tiles && r >= alone) {
            const In* z = (const In*)A.logits.at + Rows<In>::offset(A, A.logits, r);
            In* g = writes ? (In*)A.gradient.at + Rows<In>::offset(A, A.gradient, r) : nullptr;
            done = tile<In>(A, batch, scratch, z, g, r, last, sum);
        }
        if (done) {
            r += done;
            continue;
        }
        if (r >= alone) alone = r + TILED_ROWS<In>;
        const double loss = rows.one(r);
        batch.keep_loss(r, loss);
        sum += loss;
        r++;
    }
    return sum;
}

template <class In>
void every(const Arguments& A, const Batch& batch, Found& found) {
    const int64_t rows = batch.rows, size = batch.chunk, chunks = (rows + size - 1) / size;
    double few[64], *sums = chunks <= 64 ? few : (double*)malloc(size_t(chunks) * 8);
    int64_t masks = 0, lost = sums == nullptr;
    const int threads = chunks < A.threads ? int(chunks) : int(A.threads);
    if (!lost) {
#ifdef _OPENMP
#pragma omp parallel num_threads(threads) if (threads > 1)
#endif
        {
            Scratch scratch(A);
            Found mine = {};
            if (!scratch.ready()) {
#ifdef _OPENMP
#pragma omp atomic write
#endif
                lost = 1;
            }
#ifdef _OPENMP
#pragma omp for schedule(dynamic, 1)
#endif
            for (int64_t i = 0; i < chunks; i++) {
                const int64_t end = (i + 1) * size;
                sums[i] = 0;
                if (scratch.ready()) sums[i] = chunk<In>(A, batch, scratch, mine, i * size, end < rows ? end : rows);
            }
            if (mine.finite_masks) {
#ifdef _OPENMP
#pragma omp atomic write
#endif
                masks = 1;
            }
        }
    }
    double sum = 0;
    if (!lost) {
        for (int64_t i = 0; i < chunks; i++) sum += sums[i];
    }
    if (sums != few) free(sums);
    found.sum = sum;
    found.finite_masks = masks;
    found.status = lost ? OUT_OF_MEMORY : DONE;
}

}  // namespace

extern "C" void LS_RUN(const Arguments* given) {
    const Arguments& A = *given;
    Found& found = *(Found*)A.found;
    Batch batch(A);
    found = {};
    if (!batch.check(found)) return;
    found.divisor = batch.divisor;
    switch (A.dtype) {
        case FLOAT32: every<float>(A, batch, found); break;
        case FLOAT64: every<double>(A, batch, found); break;
        case BFLOAT16: every<bf16>(A, batch, found); break;
        default: every<f16>(A, batch, found);
    }
    if (!A.result) return;
    const double value = A.divide != BY_NUMBER && batch.divisor == 0 ? A.of_nothing : found.sum / batch.divisor;
    if (A.result_dtype == FLOAT64) {
        *(double*)A.result = value;
    } else {
        *(float*)A.result = float(value);
    }
}
