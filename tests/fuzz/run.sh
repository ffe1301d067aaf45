#!/usr/bin/env bash
# Fuzzes the core, each target in turn: run.sh runs=100000 or run.sh seconds=60.
# New inputs that reach new code go to build/fuzz/corpus; run.sh merge keeps the useful ones in tests/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/../.."
what=${1:-runs=100000}
compiler=$(command -v clang++ || true)
if [ -z "$compiler" ] || ! echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
  clang++ -x c++ -fsanitize=fuzzer,address - -o /dev/null 2>/dev/null; then
  echo "SKIPPED: fuzzing, clang++ with libFuzzer is not installed (Debian: clang libclang-rt-14-dev)"
  exit 0
fi
cmake -S . -B build/fuzz -DCMAKE_CXX_COMPILER="$compiler" -DBYTEFED_FUZZ=ON >/dev/null
cmake --build build/fuzz --parallel 2 --target fuzz_decoder fuzz_message fuzz_session fuzz_storage >/dev/null
case $what in
  runs=*) limit=-runs=${what#runs=} ;;
  seconds=*) limit=-max_total_time=${what#seconds=} ;;
  merge) limit=-merge=1 ;;
  *) echo "run.sh runs=N, seconds=N or merge" >&2; exit 2 ;;
esac
for target in decoder message session storage; do
  kept=tests/fuzz/corpus/$target new=build/fuzz/corpus/$target
  mkdir -p "$kept" "$new"
  if [ "$what" = merge ]; then folders=("$kept" "$new"); else folders=("$new" "$kept"); fi
  log=build/fuzz/$target.log
  if ! build/fuzz/tests/fuzz/fuzz_$target "$limit" -max_len=1024 -print_final_stats=1 -seed="${SEED:-1}" \
    -artifact_prefix=build/fuzz/$target- "${folders[@]}" >"$log" 2>&1; then
    cat "$log"
    echo "FAILED: $target; the input is in build/fuzz: keep it in tests/fuzz/corpus/$target"
    exit 1
  fi
  awk -v target="$target" '/number_of_executed_units/ {n = $2} /average_exec_per_sec/ {s = $2}
    END {if (n) print target ": " n " executions, " s " a second, no fault"}' "$log"
done
