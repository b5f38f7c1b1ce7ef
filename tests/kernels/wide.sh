#!/usr/bin/env bash
# The compiled kernel in vectors of 64 bytes, as AVX-512 has them, on a machine with AVX2 alone: all that follows from the
# width is run, and nothing of AVX-512's own instructions.
#   tests/kernels/wide.sh [CASES]      in an environment where labelsmooth is installed or on the path
set -euo pipefail
cd "$(dirname "$0")/../.."
cases=${1:-400} python=${PYTHON:-python} work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
native=src/labelsmooth/kernels/native

compile() {
    g++ -std=c++17 -O2 -fopenmp -fno-math-errno -fno-trapping-math -Wno-psabi -fPIC -march=x86-64-$1 ${2:-} \
        -DLS_RUN=ls_run_$1 -c $native/kernel.cpp -o "$work/$1.o"
}

compile v2 & compile v3 -DLS_BYTES=64 & compile v4 & wait
g++ -std=c++17 -O2 -fopenmp -fPIC -shared -DLS_X86 $native/library.cpp "$work"/v?.o -o "$work/wide.so"
"$python" tests/kernels/sanitized.py "$work/wide.so" "$cases" 2
[ -z "${KEEP:-}" ] || cp "$work/wide.so" "$KEEP"
