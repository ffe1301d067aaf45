#!/usr/bin/env bash
# Checks the format of all C++ (or mends it, with --fix), and that the core compiles without a warning as C++14 and C++17.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH  # clang-format and clang-tidy in the versions that pyproject.toml pins
files=$(git ls-files '*.h' '*.cpp')
if [ "${1:-}" = --fix ]; then
  clang-format -i $files
else
  clang-format --dry-run --Werror $files
fi
for compiler in g++ clang++; do
  if ! command -v "$compiler" >/dev/null; then
    echo "SKIPPED: warnings of $compiler, it is not installed"
    continue
  fi
  for standard in gnu++14 gnu++17; do
    for file in firmware/lib/bytefed/src/bytefed/*.cpp; do
      "$compiler" -std=$standard -O2 -ffp-contract=off -fno-exceptions -fno-rtti -Wall -Wextra -Werror \
        -Ifirmware/lib/bytefed/src -fsyntax-only "$file"
    done
    echo "$compiler $standard: no warnings"
  done
done
clang-tidy --quiet firmware/lib/bytefed/src/bytefed/*.cpp -- -std=gnu++14 -Ifirmware/lib/bytefed/src
