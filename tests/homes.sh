#!/usr/bin/env bash
# Runs the quick host tests in two homes that spoil tests: one that is full of things, and one that can't be written to.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
full=$(mktemp -d)
trap 'rm -rf "$full"' EXIT
# The home of a user of the cifar10 task: an extractor in the cache; and settings, runs and downloads that are broken.
mkdir -p "$full"/.cache/bytefed/{models/cifar10,models/broken,data} "$full"/.config/bytefed "$full"/runs/old
sed 's/"name": "digits"/"name": "cifar10"/' models/digits/manifest.json >"$full"/.cache/bytefed/models/cifar10/manifest.json
cp models/digits/digits.tflite "$full"/.cache/bytefed/models/cifar10/cifar10.tflite
echo '{' >"$full"/.cache/bytefed/models/broken/manifest.json
echo 'no TOML' >"$full"/.config/bytefed/config.toml
echo 'half a download' >"$full"/.cache/bytefed/data/cifar-10.tar.gz.part
quick() {  # what is said, home, arguments of pytest
  echo "In a home that $1:"
  HOME=$2 BYTEFED_CACHE=${3:-} "$python" -m pytest -q -m "not slow" -p no:cacheprovider tests/host tests/integration
}
quick "is full of things" "$full" "$full/.cache/bytefed"
quick "can't be written to" /proc/bytefed
