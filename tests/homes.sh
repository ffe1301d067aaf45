#!/usr/bin/env bash
# Runs the quick tests of every suite whose programs know a home, in homes that spoil tests that look into them:
#
#   tests/homes.sh full        in one that is full of things: models, settings, runs, half a download
#   tests/homes.sh read-only   in the same one, of which nothing can be changed
#   tests/homes.sh             in both; paths behind it are the suites to run, in place of all
#
# Left out is what can't meet a home: tests/core and the C++ of tests/fuzz are programs that read no environment;
# tests/qemu and tests/emulator take their images from build/, and start them by the code that tests/host runs;
# tests/boards needs boards. The slow tests differ from the quick ones in how much they do, not in where they look.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
which=both
if [[ ${1:-} =~ ^(full|read-only|both)$ ]]; then which=$1; shift; fi
suites=("$@")
[ $# -gt 0 ] || suites=(tests/host tests/integration tests/arduino tests/ble tests/fuzz tests/faults)

home=$(mktemp -d)
trap 'chmod -R u+w "$home" && rm -rf "$home"' EXIT
# The home of a user of the cifar10 task: an extractor in the cache; and settings, runs and downloads that are broken.
mkdir -p "$home"/.cache/bytefed/{models/cifar10,models/broken,data} "$home"/.config/bytefed "$home"/runs/old
sed 's/"name": "digits"/"name": "cifar10"/' models/digits/manifest.json >"$home"/.cache/bytefed/models/cifar10/manifest.json
cp models/digits/digits.tflite "$home"/.cache/bytefed/models/cifar10/cifar10.tflite
echo '{' >"$home"/.cache/bytefed/models/broken/manifest.json
echo 'no TOML' >"$home"/.config/bytefed/config.toml
echo 'half a download' >"$home"/.cache/bytefed/data/cifar-10.tar.gz.part

things() { # all that a test may have left in a home, or where it was started
  find $([ -d "$home" ] && echo "$home") . -path ./build -prune -o -path ./.venv -prune -o -path ./.git -prune -o \
    -name __pycache__ -prune -o -name '.*_cache' -prune -o -name .hypothesis -prune -o -print | sort
}

quick() { # arguments: what stands before the command
  local before
  before=$(things)
  HOME=$home BYTEFED_CACHE=$home/.cache/bytefed XDG_CONFIG_HOME=$home/.config \
    "$@" "$python" -m pytest -q -m "not slow" -p no:cacheprovider --numprocesses auto --dist loadgroup "${suites[@]}"
  diff <(echo "$before") <(things) || { echo "The tests left this behind." >&2; return 1; }
}

if [ "$which" != read-only ]; then
  echo "In a home that is full of things:"
  quick env
fi
if [ "$which" != full ]; then
  echo "In a home that can't be written to:"
  if unshare --mount mount --bind -o ro "$home" "$home" 2>/dev/null; then # root may write everywhere, but not on a mount like this
    quick unshare --mount sh -c 'mount --bind -o ro "$HOME" "$HOME" && exec "$@"' sh
  elif [ "$(id -u)" != 0 ]; then
    chmod -R a-w "$home"
    quick env
  else
    home=/proc/bytefed quick env # is not there, and can't be made
  fi
fi
