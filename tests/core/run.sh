#!/usr/bin/env bash
# Builds and runs the core's tests with each compiler that is there: as released, and with ASan and UBSan.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v cmake >/dev/null; then
  echo "SKIPPED: the core's tests, CMake is not installed"
  exit 0
fi
if ! command -v valgrind >/dev/null; then
  echo "SKIPPED: constant time, valgrind is not installed"
elif ! echo '#include <valgrind/memcheck.h>' | "${CXX:-c++}" -E -x c++ - >/dev/null 2>&1; then
  echo "SKIPPED: constant time, valgrind is here without its headers"
fi
for compiler in g++ clang++; do
  if ! command -v "$compiler" >/dev/null; then
    echo "SKIPPED: the core's tests with $compiler, it is not installed"
    continue
  fi
  for sanitize in OFF ON; do
    type=$([ $sanitize = ON ] && echo Debug || echo Release)
    folder=build/core/$compiler-sanitize-$sanitize
    echo "== $compiler, $type, ASan and UBSan $sanitize"
    cmake -S . -B "$folder" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=$type -DBYTEFED_TESTS=ON \
      -DBYTEFED_SANITIZE=$sanitize >/dev/null
    cmake --build "$folder" --parallel 2 -- --quiet
    ctest --test-dir "$folder" --output-on-failure --no-tests=error
  done
done
