#!/usr/bin/env bash
# Says which lines the tests run, of the core (C++ tests alone) and of the host's package (Python tests alone).
# coverage.sh [pytest options]; reports also go to build/coverage/.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
out=build/coverage
mkdir -p "$out"

cmake -S . -B "$out/core" -DCMAKE_CXX_COMPILER=g++ -DCMAKE_BUILD_TYPE=Debug -DBYTEFED_TESTS=ON -DBYTEFED_COVERAGE=ON >/dev/null
cmake --build "$out/core" --parallel 2 --target core_tests_14 >"$out/core.log" 2>&1 || { cat "$out/core.log"; exit 1; }
find "$out/core" -name '*.gcda' -delete
ctest --test-dir "$out/core" --output-on-failure --no-tests=error -R core_tests_14
echo "== core"
"$python" -m gcovr --root . --filter firmware/lib/bytefed/src/ --object-directory "$out/core/firmware" \
  --txt - --txt-summary --html-details "$out/core.html" --json-summary "$out/core.json" "$out/core"

echo "== host"
"$python" -m pytest -q --cov=bytefed --cov-report=term --cov-report="html:$out/host" --cov-report="json:$out/host.json" "$@"
