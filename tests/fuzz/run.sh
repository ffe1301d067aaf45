#!/usr/bin/env bash
# Fuzzes the core, each target in turn, or those named: run.sh runs=100000 [decoder...] or run.sh seconds=60.
# The kept inputs are in tests/fuzz/corpus, one archive a target, and are unpacked into build/fuzz/kept. New inputs that reach
# new code go to build/fuzz/corpus; run.sh merge keeps the fewest that reach it all. To keep one more, say one that failed:
# python3 tests/fuzz/corpus.py add TARGET FILE...
# run.sh coverage says which lines of the core the kept inputs reach.
set -euo pipefail
cd "$(dirname "$0")/../.."
what=${1:-runs=100000}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(decoder masks message pairing seal session storage)
if ! command -v cmake >/dev/null; then
  echo "SKIPPED: fuzzing, CMake is not installed"
  exit 0
fi
compiler=$(command -v clang++ || true)
if [ -z "$compiler" ] || ! echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
  clang++ -x c++ -fsanitize=fuzzer,address - -o /dev/null 2>/dev/null; then
  echo "SKIPPED: fuzzing, clang++ with libFuzzer is not installed (Debian: clang libclang-rt-14-dev)"
  exit 0
fi
case $what in
  runs=*) limit=-runs=${what#runs=} ;;
  seconds=*) limit=-max_total_time=${what#seconds=} ;;
  merge) limit=-set_cover_merge=1 ;;
  coverage) limit=-runs=0 ;;
  *) echo "run.sh runs=N, seconds=N, merge or coverage" >&2; exit 2 ;;
esac

build=build/fuzz
[ "$what" != coverage ] || build=build/fuzz-coverage
cmake -S . -B $build -DCMAKE_CXX_COMPILER="$compiler" -DBYTEFED_FUZZ=ON \
  -DBYTEFED_FUZZ_COVERAGE="$([ "$what" = coverage ] && echo ON || echo OFF)" >/dev/null
cmake --build $build --parallel 2 --target "${targets[@]/#/fuzz_}" >/dev/null

run() { # target folder...
  LLVM_PROFILE_FILE=$build/$1.profraw $build/tests/fuzz/fuzz_"$1" "$limit" -max_len=1024 -print_final_stats=1 \
    -seed="${SEED:-1}" -artifact_prefix=$build/"$1"- "${@:2}" >$build/"$1".log 2>&1
}

for target in "${targets[@]}"; do
  kept=build/fuzz/kept/$target new=build/fuzz/corpus/$target
  mkdir -p "$new"
  python3 tests/fuzz/corpus.py unpack "$target" "$kept"
  case $what in
    merge)
      all=build/fuzz/merged/$target
      rm -rf "$all" && mkdir -p "$all"
      folders=("$all" "$kept" "$new")
      ;;
    coverage) folders=("$kept") ;;
    *) folders=("$new" "$kept") ;;
  esac
  started=$EPOCHREALTIME
  if ! run "$target" "${folders[@]}"; then
    cat $build/"$target".log
    echo "FAILED: $target; the input is in $build: keep it by tests/fuzz/corpus.py add $target FILE"
    exit 1
  fi
  if [ "$what" = merge ]; then
    python3 tests/fuzz/corpus.py pack "$target" "$all"
    echo "$target: $(ls "$all" | wc -l) inputs kept"
    continue
  fi
  awk -v target="$target" -v from="$started" -v to="$EPOCHREALTIME" '/number_of_executed_units/ {n = $2}
    END {if (n) printf "%s: %d executions in %.1f s, %d a second, no fault\n", target, n, to - from, n / (to - from)}' \
    $build/"$target".log
done

if [ "$what" = coverage ]; then
  if ! command -v llvm-cov >/dev/null || ! command -v llvm-profdata >/dev/null; then
    echo "SKIPPED: coverage, llvm-cov is not installed (Debian: llvm)"
    exit 0
  fi
  llvm-profdata merge $build/*.profraw -o $build/all.profdata
  objects=("${targets[@]/#/-object=$build/tests/fuzz/fuzz_}")
  llvm-cov show "${objects[@]}" -instr-profile=$build/all.profdata -ignore-filename-regex=tests/fuzz 2>/dev/null |
    grep -E '^/|\| +0\|' >$build/not-reached.txt
  llvm-cov report "${objects[@]}" -instr-profile=$build/all.profdata -ignore-filename-regex=tests/fuzz 2>/dev/null |
    awk '/cpp|\.h|TOTAL/ && NF > 9 {printf "%-28s %5d lines, %5d not reached, %s\n", $1, $8, $9, $10}'
  echo "Lines that were not reached: $build/not-reached.txt"
fi
