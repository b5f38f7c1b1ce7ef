#!/usr/bin/env bash
# The compiled kernel for 64-bit Arm on the random cases of tests/cases.py, on any machine: cross-compiled and emulated.
# Needs Debian's g++-aarch64-linux-gnu and qemu-user-static.
#   tests/kernels/elsewhere.sh [CASES]      in an environment where labelsmooth is installed or on the path
set -euo pipefail
cd "$(dirname "$0")/../.."
cases=${1:-400} python=${PYTHON:-python} work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
native=src/labelsmooth/kernels/native
aarch64-linux-gnu-g++ -std=c++17 -O2 -static -fno-math-errno -fno-trapping-math -Wno-psabi \
    -DLS_RUN=ls_run_default -I$native $native/kernel.cpp $native/library.cpp tests/kernels/elsewhere.cpp -o "$work/aarch64"
"$python" tests/kernels/elsewhere.py "$cases" qemu-aarch64-static "$work/aarch64"
