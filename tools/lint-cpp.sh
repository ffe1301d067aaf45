#!/usr/bin/env bash
# Checks the format of all C++ (or mends it, with --fix), that the core compiles without a warning as C++14 and C++17, the
# warnings of clang-tidy in the core and in the boards' app, and that the images for QEMU compile, with warnings as errors.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH  # clang-format and clang-tidy in the versions that pyproject.toml pins
python3 tools/monocypher.py build/monocypher
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
    for file in firmware/lib/bytefed/src/bytefed/*/*.cpp; do
      "$compiler" -std=$standard -O2 -ffp-contract=off -fno-exceptions -fno-rtti -Wall -Wextra -Werror \
        -Ifirmware/lib/bytefed/src -isystem build/monocypher -fsyntax-only "$file"
    done
    echo "$compiler $standard: no warnings"
  done
done
tidy() {  # what, arguments of clang-tidy: its findings are errors (.clang-tidy), its counts of what it leaves out only noise
  local what=$1 said
  shift
  said=$(clang-tidy --quiet "$@" 2>&1) || { echo "$said"; exit 1; }
  echo "clang-tidy, $what: nothing found"
}
tidy "core" firmware/lib/bytefed/src/bytefed/*/*.cpp -- -std=gnu++14 -Ifirmware/lib/bytefed/src -isystem build/monocypher

# The boards' app and tflm_features on fake cores; with the real ones PlatformIO makes warnings errors in debug images.
app=firmware/src/arduino
model=build/lint-model
python3 tools/model_to_c.py models/motion $model
tidy_app() {  # board macro, standard, family, sources...
  local macro=$1 standard=$2 family=$3
  shift 3
  tidy "app, $macro" --header-filter='firmware/(lib|src)/.*' "$@" -- -std="$standard" -Wall -Wextra \
    -Wno-deprecated-declarations -D"$macro" -DARDUINO_NRF52_ADAFRUIT -DBYTEFED_CAPACITY=500 -DBYTEFED_MAX_BATCH=32 -DBYTEFED_LABELS=8 \
    -DBYTEFED_MAJOR=0 -DBYTEFED_MINOR=1 -DBYTEFED_PATCH=0 -I$model -I$app -Ifirmware/lib/bytefed/src -isystem build/monocypher \
    -Ifirmware/lib/tflm_features/src -Itests/arduino/fake -Itests/arduino/fake/tflm -Itests/arduino/fake/"$family"
}
tidy_app ARDUINO_ARDUINO_NANO33BLE gnu++14 nano $app/*.cpp $app/nano/*.cpp firmware/lib/tflm_features/src/*/*.cpp
tidy_app ARDUINO_NRF52840_FEATHER_SENSE gnu++17 bluefruit $app/*.cpp $app/bluefruit/*.cpp $app/bluefruit/*/*.cpp
tidy_app ARDUINO_NRF52840_ITSYBITSY gnu++17 bluefruit $app/bluefruit/dotstar.cpp $app/bluefruit/no_sensor.cpp
model=build/lint-keywords
python3 tools/model_to_c.py models/keywords $model
tidy_app ARDUINO_ARDUINO_NANO33BLE gnu++14 nano $app/hearing.cpp $app/microphone.cpp $app/app.cpp
tidy_app ARDUINO_NRF52840_FEATHER_SENSE gnu++17 bluefruit $app/hearing.cpp $app/microphone.cpp

for tool in cmake ninja arm-none-eabi-g++; do
  command -v $tool >/dev/null || { echo "SKIPPED: the images for QEMU, $tool is not installed"; exit 0; }
done
said=$(make --no-print-directory qemu 2>&1) || { echo "$said"; exit 1; }
echo "images for QEMU: no warnings"
