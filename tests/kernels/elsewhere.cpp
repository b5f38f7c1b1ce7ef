// Runs calls of the compiled kernel that another process has laid out in one piece of memory each: for a processor that is
// emulated. Reads from stdin, for each call: its length, then the piece, which begins with the arguments; their addresses
// count from the start of the piece, 0 for none. Writes the piece back.
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"

extern "C" void ls_run(int64_t set, const Arguments* given);

int main() {
    int64_t length;
    while (fread(&length, 8, 1, stdin) == 1) {
        char* const piece = (char*)aligned_alloc(64, size_t(length + 63) / 64 * 64);
        if (!piece || fread(piece, 1, size_t(length), stdin) != size_t(length)) return 1;
        Arguments A = *(const Arguments*)piece;
        int64_t* const places[] = {&A.logits.at, &A.gradient.at, &A.given.at,      &A.background.at, &A.mask.at,
                                   &A.labels,    &A.keep,        &A.on_label,      &A.on_background, &A.on_given,
                                   &A.factor,    &A.losses,      &A.class_weight,  &A.result,        &A.found};
        for (int64_t* place : places) {
            if (*place) *place += int64_t(piece);
        }
        ls_run(0, &A);
        if (fwrite(piece, 1, size_t(length), stdout) != size_t(length) || fflush(stdout)) return 1;
        free(piece);
    }
    return 0;
}
