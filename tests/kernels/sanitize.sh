#!/usr/bin/env bash
# The compiled kernel under the address, undefined-behaviour and thread sanitizers, on the random cases of tests/cases.py.
#   tests/kernels/sanitize.sh [CASES]      in an environment where labelsmooth is installed or on the path
set -euo pipefail
cd "$(dirname "$0")/../.."
cases=${1:-400} python=${PYTHON:-python} work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
native=src/labelsmooth/kernels/native

compile() {
    for set in v2 v3 v4; do
        g++ -std=c++17 -O1 -g -fno-omit-frame-pointer "$@" -fno-math-errno -fno-trapping-math -Wno-psabi -fPIC \
            -march=x86-64-$set -DLS_RUN=ls_run_$set -c $native/kernel.cpp -o "$work/$set.o"
    done
    g++ -std=c++17 -O1 -g "$@" -fPIC -shared -DLS_X86 $native/library.cpp "$work"/v?.o -o "$work/$name.so"
}

run() {
    LD_PRELOAD=$(g++ -print-file-name=$1) ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
        TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1 \
        "$python" tests/kernels/sanitized.py "$work/$name.so" "$cases" "$2"
}

name=address; compile -fopenmp -fsanitize=address,undefined -fno-sanitize-recover=all
run libasan.so 1
name=thread; compile -fopenmp -fsanitize=thread
run libtsan.so 3
